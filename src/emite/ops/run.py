"""`emite run`: database, migrations, web, worker and (if asked) the sandbox PAC, in one command.
The pieces can also be run apart: emite migrate, web, work, sandbox-pac."""

import argparse
import fcntl
import multiprocessing
import os
import socket
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar, cast

from emite.database import embedded
from emite.database.address import is_external
from emite.database.trouble import DatabaseTrouble
from emite.ops import ground, logs
from emite.ops.supervising import Child, Supervisor, emite

Result = TypeVar("Result")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="dirección donde escucha la web (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="puerto de la web (8000)")
    parser.add_argument("--workers", type=int, default=2, help="procesos de la web (2)")


def run(options: argparse.Namespace) -> int:
    def announce(_: None) -> None:
        print(f"emite está listo: http://{options.host}:{options.port}  (Ctrl-C lo detiene todo)", flush=True)

    return serve(options.host, options.port, workers=options.workers, after_migrations=_nothing, when_ready=announce)


def _nothing() -> None:
    """Nothing is seeded."""


def serve(
    host: str,
    port: int,
    *,
    workers: int,
    after_migrations: Callable[[], Result],
    when_ready: Callable[[Result], None],
    before: Sequence[Child] = (),
) -> int:
    """Run everything until Ctrl-C or SIGTERM; 0 after an orderly stop.

    after_migrations: a module's function, called with Django set up and the tables in place, in a process of its own:
    this one only watches and stays small. when_ready: called here with its result (a plain value) once the web answers.
    before: children started ahead of web and worker (the sandbox PAC).
    Raises DatabaseTrouble, or NotReady when a child does not start.
    """
    folder = ground.prepare()
    with _alone(folder):
        check_port(host, port)
        ours = not is_external() and not embedded.answers(folder)
        # Also when we are killed outright: the kernel tells the server to stop.
        embedded.ensure_running(die_with_us=True)
        try:
            logs.configure()
            result = in_own_process(_bring_tables, after_migrations)
            children = [*before, web(host, port, workers), Child("trabajador", emite("work"))]
            return Supervisor(children, home=folder).run(when_ready=lambda: when_ready(result))
        finally:
            if ours:
                embedded.stop(folder)


def web(host: str, port: int, workers: int) -> Child:
    command = emite("web", "--host", host, "--port", str(port), "--workers", str(workers))
    return Child("web", command, ready=lambda: listens(host, port))


def listens(host: str, port: int) -> bool:
    """Whether somebody accepts connections there."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def check_port(host: str, port: int) -> None:
    """Refuse a port that is taken, before anything starts."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise DatabaseTrouble(
                f"No se puede escuchar en {host}:{port} ({error.strerror}). Elija otro puerto con --port."
            ) from error


def in_own_process(act: Callable[[Callable[[], Result]], Result], argument: Callable[[], Result]) -> Result:
    """What `act(argument)` returns or raises, run in a fork that ends afterwards; this process has no thread yet."""
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(sending, act, argument))
    process.start()
    sending.close()
    try:
        fine, value = receiving.recv()
    except EOFError as error:
        process.join()
        raise DatabaseTrouble(f"La preparación terminó de golpe (código {process.exitcode}).") from error
    finally:
        process.join()
    if not fine:
        raise value
    return cast(Result, value)


def _answer(sending: Connection, act: Callable[[Callable[[], Result]], Result], argument: Callable[[], Result]) -> None:
    try:
        answer = (True, act(argument))
    except Exception as error:  # noqa: BLE001 - carried to the parent, which raises it
        error.add_note(traceback.format_exc())
        answer = (False, error)  # type: ignore[assignment]
    sending.send(answer)


def _bring_tables(after_migrations: Callable[[], Result]) -> Result:
    ground.refuse_half_restored()
    ground.set_up_django()
    from emite.database import migrating
    from emite.vault import keyfiles

    if migrating.pending() or migrating.unprotected():
        migrating.migrate()
    ground.confirm_keys(keyfiles.NAMES)
    return after_migrations()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One `emite run` per data folder: the second would stop the first one's database when it ends."""
    descriptor = os.open(folder / "run.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            raise DatabaseTrouble(
                f"Ya hay un emite corriendo con la carpeta {folder} (proceso {pid or 'desconocido'})."
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
