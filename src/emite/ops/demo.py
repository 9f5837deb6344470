"""`emite demo`: the whole thing on one machine, with an invented hospital and a PAC that stamps nothing of value.

With --once the roads are walked without a person and their documents left in a folder (`roads`).
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import secrets
import shutil
import signal
import socket
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from emite.database.address import is_external
from emite.database.folder import data_folder, ensure_folder
from emite.database.trouble import Trouble
from emite.ops.run import listens, serve
from emite.ops.supervising import Child, emite

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Ready:
    """What the seed made, as plain values that cross processes."""

    slug: str
    code: str
    charge: str
    total: str
    people: tuple[str, ...]
    practice: tuple[str, ...]
    payers: tuple[str, ...]
    password: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=8000, help="puerto de la web (8000)")
    parser.add_argument("--once", action="store_true", help="recorre los caminos sin nadie y termina")
    parser.add_argument("--out", type=Path, help="con --once: carpeta donde quedan los documentos")


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C, or walk the roads once; 0 when everything ended as it should.

    Raises Trouble where its people, whose password everybody knows, would come among real ones.
    """
    if is_external():
        raise Trouble("La demostración no entra en la base de datos de DATABASE_URL: quite esa variable para verla.")
    installation = data_folder()
    if options.once:
        return _once(options.out or Path("salida"), installation)
    os.environ.setdefault("EMITE_DATA", str(demo_folder()))
    share_authority(installation, Path(os.environ["EMITE_DATA"]))
    return _serve(options.port, partial(_announce, options.port))


def share_authority(installation: Path, folder: Path) -> None:
    """Let the demo in `folder` stamp with the installation's own test authority, which `emite check` knows."""
    from emite.pac.sandbox.authority import TestAuthority

    ensure_folder(installation)
    theirs, ours = TestAuthority.open(installation / "sandbox").folder, folder / "sandbox" / "authority"
    if ours.exists() or ours == theirs:
        return
    ensure_folder(folder)
    ours.parent.mkdir(mode=0o700, exist_ok=True)
    shutil.copytree(theirs, ours)


def demo_folder() -> Path:
    """The demo's own data folder, beside the installation's and never the same."""
    folder = data_folder()
    return folder.with_name(folder.name + "-demo")


def _serve(port: int, when_ready: object) -> int:
    os.environ["EMITE_URL"] = f"http://{HOST}:{port}"
    os.environ["EMITE_DEMO"] = "1"
    # Of letters and digits: one that begins with "-" would be read as an option.
    pac_port, password = free_port(), secrets.token_hex(12)
    os.environ["EMITE_SANDBOX_PORT"] = str(pac_port)
    folder = Path(os.environ["EMITE_DATA"])
    command = emite(
        "sandbox-pac", "--host", HOST, "--port", str(pac_port), "--data", str(folder / "sandbox"),
        "--user", "demo", "--password", password,
    )  # fmt: skip
    sandbox = Child("PAC simulado", command, ready=lambda: listens(HOST, pac_port))
    return serve(
        HOST,
        port,
        workers=1,
        after_migrations=partial(_seed, folder, f"http://{HOST}:{pac_port}", password),
        when_ready=when_ready,  # type: ignore[arg-type]
        before=[sandbox],
    )


def _seed(folder: Path, pac_url: str, pac_password: str) -> Ready:
    from emite.charges.charging import code_of
    from emite.charges.code import grouped
    from emite.ops import seeding, seeding_practice
    from emite.pac.sandbox.authority import TestAuthority

    now, authority = dt.datetime.now(dt.UTC), TestAuthority.open(folder / "sandbox")
    world = seeding.seed(authority=authority, pac_url=pac_url, pac_user="demo", pac_password=pac_password, now=now)
    seeding_practice.seed(authority=authority, pac_url=pac_url, pac_user="demo", pac_password=pac_password, now=now)
    remision = seeding.paid_remision(world, now=now)
    return Ready(
        slug=world.organization.slug,
        code=grouped(code_of(remision)),
        charge=remision.folio,
        total=f"${remision.total:,.2f}",
        people=(
            *(f"{email:24} {name} ({role.label.lower()})" for email, name, role, _ in seeding.PEOPLE),
            f"{seeding.SUPPORT:24} soporte de la instalación, en /soporte/",
        ),
        practice=tuple(f"{email:24} {name} ({role.label.lower()})" for email, name, role, _ in seeding_practice.PEOPLE),
        payers=tuple(f"{email:24} {name}" for email, name in seeding_practice.PAYERS),
        password=seeding.DEMO_PASSWORD,
    )


def _announce(port: int, ready: Ready) -> None:
    site = f"http://{HOST}:{port}"
    code = ready.code.replace("-", "")
    people, practice, payers = (
        "\n".join(f"      {person}" for person in group) for group in (ready.people, ready.practice, ready.payers)
    )
    print(
        f"""
  emite está listo. Ctrl-C lo detiene todo.

  El paciente        {site}/f/{ready.slug}/
    código           {ready.code}      (remisión {ready.charge}, {ready.total}, pagada)
    como desde el QR {site}/q/{ready.slug}/{code}
    datos fiscales que el PAC simulado acepta:
      RFC XOJI740919U48   INGRID XODAR JIMENEZ    CP 76028   régimen 605   uso D01
      RFC MAOL880314Q75   LUCIA MARENTES OLVERA   CP 06700   régimen 605   uso D01
      RFC SCE050620LQ5    SEGUROS LA CEIBA        CP 64000   régimen 601   uso G03

  La caja            {site}/caja/      contraseña: {ready.password}
{people}

  El consultorio     {site}/consultorio/
{practice}
  Quien le paga      {site}/aseguradora/
{payers}

  Los correos quedan en {os.environ["EMITE_DATA"]}/mail
  Los CFDI de la demostración no tienen valor fiscal.
""",
        flush=True,
    )


def _once(out: Path, installation: Path) -> int:
    """A data folder of its own, every program on a free port, the roads, and nothing left but `out`."""
    from emite.ops import anticipo_road, complement_road, copay_road, practice_roads, roads

    # Not in anybody's home: root's database runs as another user, who must be able to pass.
    folder = Path(tempfile.mkdtemp(prefix="emite-demo-", dir="/tmp" if Path("/tmp").is_dir() else None))
    os.environ["EMITE_DATA"] = str(folder)
    share_authority(installation, folder)
    port = free_port()
    ended: list[bool] = []

    def walk(ready: Ready) -> None:
        more = (
            anticipo_road.anticipo, practice_roads.insurer_invoice, complement_road.complement, copay_road.copay,
        )  # fmt: skip
        ground = roads.Ground(
            site=f"http://{HOST}:{port}",
            slug=ready.slug,
            password=ready.password,
            trust=folder / "sandbox" / "authority",
        )
        try:
            ended.append(roads.walk(ground, out, more))
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    try:
        code = _serve(port, walk)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return code if ended == [True] else 1


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
