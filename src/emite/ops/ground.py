"""What a command stands on: a data folder with its secrets, a database that answers, Django set up.
Not what the command does."""

import datetime as dt
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emite.database import embedded
from emite.database.address import is_external
from emite.database.folder import ensure_folder, ensure_secret_key
from emite.ops import logs


def prepare() -> Path:
    """Make the data folder, Django's secret and the keys, each only if missing; returns the folder."""
    from emite.vault import keyfiles

    folder = ensure_folder()
    if not os.environ.get("EMITE_SECRET_KEY") and not os.environ.get("EMITE_SECRET_KEY_FILE"):
        ensure_secret_key(folder)
    keyfiles.ensure_keys(dt.datetime.now(dt.UTC))
    return folder


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
    folder = prepare()
    ours = not is_external() and not embedded.answers(folder)
    embedded.ensure_running(die_with_us=True)
    try:
        set_up_django()
        yield folder
    finally:
        from django.db import connections

        connections.close_all()
        if ours:
            embedded.stop(folder)
