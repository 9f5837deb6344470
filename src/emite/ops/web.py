"""`emite web`: the web server alone, for whoever runs the pieces apart.
Opens no worker key. The database must be running or be the operator's."""

import argparse
import os
import shutil
from pathlib import Path

from emite.database.folder import data_folder
from emite.ops import ground
from emite.vault import marks

THREADS = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="dirección donde escucha (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="puerto (8000)")
    parser.add_argument("--workers", type=int, default=2, help="procesos que atienden (2)")


def run(options: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    from granian import Granian
    from granian.constants import Interfaces

    ground.prepare(only_web=True)
    os.environ["EMITE_PROCESS"] = "web"
    ground.confirm_keys(marks.OF_THE_WEB)
    ground.refuse_half_restored()
    os.environ.setdefault("EMITE_DB_POOL", str(THREADS))
    _count_together(options.port)
    server = Granian(
        "emite.config.wsgi:application",
        address=options.host,
        port=options.port,
        interface=Interfaces.WSGI,
        workers=options.workers,
        blocking_threads=THREADS,
        blocking_threads_idle_timeout=600,
        backlog=2048,
        websockets=False,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        workers_kill_timeout=8,
        working_dir=Path("/"),
        log_access=False,  # an address may carry a ticket's code
        log_level="warning",  # type: ignore[arg-type]
    )
    server.serve()
    return 0


def _count_together(port: int) -> None:
    """One folder where the processes of this server count what /metrics shows, empty at first."""
    folder = data_folder() / "metrics" / str(port)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
