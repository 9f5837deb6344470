"""`emite export`: the accountant's ZIP of a month, one file per issuer. The same that the dashboard gives."""

import argparse
import datetime as dt
from pathlib import Path

from emite.database.trouble import Trouble
from emite.ops import ground


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("month", metavar="AAAA-MM", help="mes")
    parser.add_argument("--organization", default="", help="identificador de la organización (todas)")
    parser.add_argument("--out", type=Path, default=Path(), help="carpeta donde se escribe (esta)")


def run(options: argparse.Namespace) -> int:
    """Write the files and say their names. Raises Trouble."""
    try:
        first = dt.datetime.strptime(options.month, "%Y-%m").date()
    except ValueError as error:
        raise Trouble(f"«{options.month}» no es un mes: escriba por ejemplo 2026-11.") from error
    with ground.standing():
        written = write(first, options.organization, options.out)
    if not written:
        raise Trouble("No hay emisores de esa organización.")
    print("\n".join(str(path) for path in written))
    return 0


def write(first: dt.date, slug: str, folder: Path) -> list[Path]:
    """One ZIP per issuer, complete or not there at all."""
    from emite.issuers.models import Issuer
    from emite.reports.month import Month, zipped

    issuers = Issuer.objects.select_related("organization").order_by("organization__slug", "rfc")
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for issuer in issuers.filter(organization__slug=slug) if slug else issuers:
        month = Month(issuer, first)
        path = folder / f"{issuer.organization.slug}-{month.name}.zip"
        draft = path.with_suffix(".part")
        with draft.open("wb") as file:
            for part in zipped(month):
                file.write(part)
        draft.replace(path)
        written.append(path)
    return written
