"""`emite backup`: everything the database holds, in one file that only its owner may read."""

import argparse
import datetime as dt
from pathlib import Path

from emite import __version__
from emite.database.trouble import Trouble
from emite.ops import ground

#: What is in the names of our files, so that old ones are told from anything else.
_NAME = "emite-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=Path(), help="carpeta donde se escribe (esta)")
    parser.add_argument("--keep", type=int, default=0, help="cuántos respaldos quedan; borra los más viejos (todos)")


def run(options: argparse.Namespace) -> int:
    """Write one backup and say its name. Raises Trouble."""
    from emite.database import backup
    from emite.vault import keyfiles

    if options.keep < 0:
        raise Trouble("Escriba cuántos respaldos quedan: 1 o más; sin --keep no se borra ninguno.")
    folder: Path = options.out.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with ground.standing() as data:
        now = dt.datetime.now(dt.UTC)
        path = folder / f"{_NAME}{now:%Y%m%dT%H%M%SZ}{backup.SUFFIX}"
        page = backup.write(path, version=__version__, now=now)
    print(f"{path} ({page.bytes / 2**20:,.1f} MB, al {page.taken_at[:19]} UTC)")
    print(f"Las llaves no van en él. Guárdelas aparte: {keyfiles.keys_folder()} y {data / 'secret_key'}")
    for old in _older(folder, options.keep):
        old.unlink()
        print(f"Borrado: {old.name}")
    return 0


def _older(folder: Path, keep: int) -> list[Path]:
    """Backups beyond the newest `keep`; none when 0."""
    from emite.database import backup

    found = sorted(folder.glob(f"{_NAME}*{backup.SUFFIX}"))
    return found[:-keep] if keep else []
