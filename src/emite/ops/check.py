"""`emite check` in this installation: its own test authority is one of the known ones.
What is checked, and how it is said, is cfdi/check.py; no database and no Django here either."""

from collections.abc import Sequence

from emite.cfdi import check
from emite.database.folder import data_folder


def main(argv: Sequence[str]) -> int:
    """Check the files named in `argv` and return the exit code."""
    return check.main(argv, trust_dir=data_folder() / "sandbox" / "authority")
