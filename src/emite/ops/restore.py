"""`emite restore`: a backup into an empty database, with stamping off until the PAC has told what came after it."""

import argparse
import datetime as dt
import os
from pathlib import Path
from typing import TYPE_CHECKING

from emite.database.trouble import Trouble
from emite.ops import ground

if TYPE_CHECKING:
    from emite.database.backup import Page


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="ARCHIVO", help="lo que escribió emite backup")
    parser.add_argument(
        "--replace", action="store_true", help="aparta la base que hay (cambia de nombre; no se borra) y usa otra vacía"
    )


def run(options: argparse.Namespace) -> int:
    """Restore, and say what comes next. Raises Trouble; the database is then as it was, unless what was loaded cannot
    be migrated: then nothing starts on it until this is repeated.
    """
    os.environ["EMITE_DB_POOL"] = "0"
    with ground.standing():
        said = restored(options.file, replace=options.replace, now=dt.datetime.now(dt.UTC))
    print("\n".join(said))
    return 0


def restored(source: Path, *, replace: bool, now: dt.datetime) -> list[str]:
    """What was done, in sentences."""
    from django.db import connections, transaction

    from emite.audit import record
    from emite.database import backup, migrating
    from emite.documents import quarantine
    from emite.documents.models import Quarantine
    from emite.vault import rotating

    page = backup.read(source)
    connections.close_all()
    if others := backup.visitors():
        raise Trouble(f"Hay {others} conexiones abiertas: detenga emite (web, trabajador) y repita.")
    said, aside = [], ""
    begun = backup.under_way()
    if begun and begun != page.sha256 and not replace:
        raise Trouble("Aquí quedó a medias la restauración de otro archivo: termínela con ése, o use --replace.")
    if begun == page.sha256:
        said.append("Se retomó la restauración que había quedado a medias.")
    elif begun or not backup.is_empty():
        if not replace:
            raise Trouble(
                "La base ya tiene datos y no se tocan. Con --replace se aparta con otro nombre y se usa una vacía."
            )
        aside = backup.put_aside(now)
        said.append(f"La base anterior quedó aparte, completa: {aside}")
    _load(source, page, begun=begun == page.sha256, aside=aside)
    migrating.migrate()
    with transaction.atomic():
        if quarantine.current() is None:
            Quarantine.objects.create(taken_at=page.moment, restored_at=now)
        record(organization_id=None, actor="emite restore", action="backup.restore", subject=source.name, now=now,
               after={"taken_at": page.taken_at, "sha256": page.sha256})  # fmt: skip
    backup.end()
    said.append(f"Restaurado: todo lo que había el {page.taken_at[:19]} UTC.")
    said += [f"No abre: {name}. Copie las llaves de entonces." for name in rotating.unopenable()]
    said.append("Nada se timbra todavía. Siga: emite quarantine (trae del PAC lo timbrado después) y emite run.")
    return said


def _load(source: Path, page: "Page", *, begun: bool, aside: str) -> None:
    """All of the backup or nothing; a refusal leaves the database that was there before."""
    from emite.database import backup

    if not begun:
        backup.begin(page)
    if not backup.is_empty():
        return  # cut off after this step
    try:
        backup.restore(source)
    except Trouble:
        if aside:
            backup.put_back(aside)
        else:
            backup.end()
        raise
