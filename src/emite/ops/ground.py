"""What a command stands on: a data folder with its secrets, a database that answers, Django set up.
Not what the command does."""

import datetime as dt
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from emite.database import embedded
from emite.database.address import is_external
from emite.database.folder import ensure_folder, ensure_secret_key
from emite.database.trouble import DatabaseTrouble
from emite.ops import logs
from emite.vault.keyfiles import Name

#: How often a worker looks whether a standby has been promoted.
STANDBY_SECONDS = 5.0


def prepare(*, only_web: bool = False) -> Path:
    """Make the data folder, Django's secret and the keys, each only if missing; returns the folder.

    only_web: a node that brings the web's keys alone is whole. Raises KeyTrouble instead of making keys for a database
    that was sealed with others.
    """
    from emite.vault import keyfiles, marks

    folder = ensure_folder()
    if not os.environ.get("EMITE_SECRET_KEY") and not os.environ.get("EMITE_SECRET_KEY_FILE"):
        ensure_secret_key(folder)
    lacking = marks.missing(marks.OF_THE_WEB if only_web else keyfiles.NAMES)
    if lacking:
        if is_external() or embedded.has_data(folder):
            embedded.ensure_running(die_with_us=True)
            marks.refuse_to_replace(lacking)
        keyfiles.ensure_keys(dt.datetime.now(dt.UTC))
    return folder


def confirm_keys(names: Sequence[Name]) -> None:
    """This node's keys are those of its database; one that does not answer is asked again by whoever comes next."""
    from emite.vault import marks

    try:
        marks.confirm(names, dt.datetime.now(dt.UTC))
    except marks.Unreachable as unreachable:
        print(unreachable, file=sys.stderr, flush=True)


def refuse_half_restored() -> None:
    """Raises DatabaseTrouble where a restore was cut off: what is there knows nothing yet of the PAC's later stamps."""
    import psycopg

    from emite.database import backup

    try:
        unfinished = backup.is_unfinished()
    except psycopg.OperationalError:
        return  # the server is away; whoever needs it says so
    if unfinished:
        raise DatabaseTrouble(backup.UNFINISHED)


def wait_until_it_writes(sleep: Callable[[float], None] = time.sleep) -> None:
    """Return once the database takes what is written: before a standby is promoted a worker has nothing to do."""
    import psycopg

    from emite.database import standby
    from emite.database.address import dsn

    said = False
    while True:
        try:
            with psycopg.connect(dsn("app").conninfo(), connect_timeout=5) as connection:
                if not standby.only_reads(connection):
                    return
        except psycopg.OperationalError:
            return  # away: whoever needs it says so, and asks again
        if not said:
            print(f"{standby.WORDS}: el trabajador espera a que se promueva.", file=sys.stderr, flush=True)
            said = True
        sleep(STANDBY_SECONDS)


def set_up_django() -> None:
    """Settings, logs and models, once the folder is prepared."""
    import django

    from emite.database import tenancy

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "emite.config.settings")
    logs.configure()
    tenancy.whole_process()  # commands and the worker serve every organization; the web does not pass here
    django.setup()


@contextmanager
def standing() -> Iterator[Path]:
    """Everything a short command needs. An embedded server that was not running is stopped again at the end."""
    from emite.vault import keyfiles

    folder = prepare()
    ours = not is_external() and not embedded.answers(folder)
    embedded.ensure_running(die_with_us=True)
    try:
        set_up_django()
        confirm_keys(keyfiles.NAMES)
        yield folder
    finally:
        from django.db import connections

        connections.close_all()
        if ours:
            embedded.stop(folder)
