"""`emite doctor`: what is wrong with this installation, in words, and how to cure it. Changes nothing.
Each look belongs to the folder that owns the thing; here they are asked in order."""

import argparse
import datetime as dt
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from emite.database import embedded, looking
from emite.database.address import is_external
from emite.database.folder import data_folder
from emite.database.looking import Finding
from emite.database.trouble import Trouble

WORKER_SILENCE = dt.timedelta(seconds=60)

_MARKS = {True: "bien ", None: "nota ", False: "MAL  "}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quiet", action="store_true", help="muestra sólo lo que está mal")
    parser.add_argument("--host", default="127.0.0.1", help="dirección de la web (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="puerto de la web (8000)")


def run(options: argparse.Namespace) -> int:
    """Print one line per look; 0 when nothing is wrong, 1 otherwise."""
    wrong = 0
    for finding in look(options.host, options.port):
        wrong += finding.ok is False
        if finding.ok is False or not options.quiet:
            print(f"{_MARKS[finding.ok]} {finding.text}")
    print("Nada está mal." if not wrong else f"{wrong} cosas por arreglar." if wrong > 1 else "1 cosa por arreglar.")
    return 1 if wrong else 0


def look(host: str, port: int) -> Iterator[Finding]:
    """Every finding, cheapest first. A stopped embedded server is started for the look and stopped again."""
    yield from looking.look_at_folder()
    if not data_folder().is_dir():
        return
    yield from _secret()
    yield from _keys()
    yield from _catalogues()
    yield from _port(host, port)
    folder = data_folder()
    made = (folder / "postgres" / "PG_VERSION").exists()
    started = False
    if not is_external() and made and not embedded.answers(folder):
        yield Finding(None, "emite está detenido; la base de datos se enciende sólo para mirarla.")
        try:
            embedded.ensure_running(die_with_us=True)
            started = True
        except Trouble as trouble:
            yield Finding(False, str(trouble))
            return
    try:
        findings = list(looking.look_at_server())
        yield from findings
        if (made or is_external()) and not any(finding.ok is False for finding in findings):
            yield from _inside(running=not started)
    finally:
        if started:
            embedded.stop(folder)


def _secret() -> Iterator[Finding]:
    path = data_folder() / "secret_key"
    if os.environ.get("EMITE_SECRET_KEY") or os.environ.get("EMITE_SECRET_KEY_FILE"):
        return
    if not path.exists():
        yield Finding(False, f"Falta {path}, con que se firman las sesiones. La crea: emite run")
    elif path.stat().st_mode & 0o077:
        yield Finding(False, f"Otros usuarios pueden leer {path}. Ciérrelo con: chmod 600 {path}")


def _keys() -> Iterator[Finding]:
    from emite.vault import keyfiles, marks

    only_web = is_external() and set(marks.missing(keyfiles.NAMES)) == set(keyfiles.NAMES) - set(marks.OF_THE_WEB)
    bad = 0
    for name in marks.OF_THE_WEB if only_web else keyfiles.NAMES:
        try:
            keyfiles.ring(name)
        except Trouble as trouble:
            bad += 1
            yield Finding(False, str(trouble))
    if only_web and not bad:
        yield Finding(
            None, f"{keyfiles.keys_folder()} tiene solo las llaves de la web: este equipo puede atender, no timbrar."
        )
    elif not bad:
        public, private = keyfiles.ring("app/worker_public").active.kid, keyfiles.ring("worker/hpke").active.kid
        if public != private:
            yield Finding(
                False, "La llave pública del trabajador no es la de su llave privada. Repita: emite keys rotate"
            )
        else:
            yield Finding(True, f"Llaves completas y cerradas en {keyfiles.keys_folder()}.")


def _catalogues() -> Iterator[Finding]:
    from emite import lookup
    from emite.cfdi import codes

    try:
        known = codes.contains("c_UsoCFDI", "G03") and bool(lookup.search("c_ClaveUnidad", "E48"))
    except (OSError, ValueError, KeyError, codes.SatDataMissing):
        known = False
    if known:
        yield Finding(True, "Catálogos y esquemas del SAT preparados.")
    else:
        yield Finding(False, "Faltan los catálogos y esquemas del SAT. Los prepara: emite sat-data")


def _port(host: str, port: int) -> Iterator[Finding]:
    from emite.ops.run import check_port, listens

    if listens(host, port):
        yield Finding(None, f"Alguien atiende en {host}:{port}; si no es emite, elija otro puerto con --port.")
        return
    try:
        check_port(host, port)
    except Trouble as trouble:
        yield Finding(False, str(trouble))


def _inside(*, running: bool) -> Iterator[Finding]:
    """What the tables tell; needs a server that answers."""
    from emite.ops import ground

    ground.set_up_django()
    from django.db import connections

    from emite.database import migrating

    try:
        pending = migrating.pending()
        if pending:
            yield Finding(False, f"Las tablas están atrasadas ({len(pending)} cambios). Las actualiza: emite migrate")
            return
        yield Finding(True, "Tablas al día.")
        now = dt.datetime.now(dt.UTC)
        looks: Iterable[Callable[[dt.datetime], Iterator[Finding]]]
        looks = (_alarms, _globals, _complements, _mail)
        for one in (_worker, *looks) if running else looks:
            yield from one(now)
    finally:
        connections.close_all()


def _worker(now: dt.datetime) -> Iterator[Finding]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > %s", [now - WORKER_SILENCE])
        (alive,) = cursor.fetchone()
    if alive:
        yield Finding(True, f"Trabajadores activos: {alive}.")
    else:
        yield Finding(False, "Ningún trabajador da señales: nada se timbra. Lo inicia: emite work (o emite run)")


def _globals(now: dt.datetime) -> Iterator[Finding]:
    from emite.invoices import watching
    from emite.issuers.models import Issuer

    issuers = Issuer.objects.select_related("organization").order_by("organization__slug")
    for organization in {issuer.organization_id: issuer.organization for issuer in issuers}.values():
        if watching.lacks_user(organization):
            yield Finding(False, f"{organization.slug}: {watching.NOBODY} Que un administrador vincule a otra persona.")


def _complements(now: dt.datetime) -> Iterator[Finding]:
    from emite.settlements import checking

    wrong = len(list(checking.faults()))
    if wrong:
        yield Finding(False, f"{wrong} saldos por cobrar no son lo que dicen sus papeles. Los nombra: emite verify")


def _alarms(now: dt.datetime) -> Iterator[Finding]:
    """What the worker tells by mail, said here too."""
    from emite.alarms import finding

    for found in finding.everything(now, data_folder()):
        yield Finding(False if found.serious else None, found.words)


def _mail(now: dt.datetime) -> Iterator[Finding]:
    from django.conf import settings

    from emite.mailing.files import keeps_letters_here

    if keeps_letters_here():
        folder = Path(settings.EMAIL_FILE_PATH)
        yield Finding(None, f"Los correos no salen: se guardan en {folder}. Nombre un servidor con EMITE_EMAIL_HOST.")
