"""`emite sat-data`: prepares SAT's catalogues, schemas and sheets from the package that carries them.
How they are compiled lives in cfdi.codes.compile, how they are searched in lookup."""

import argparse

from emite.database.trouble import Trouble


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No options."""


def run(options: argparse.Namespace) -> int:
    from emite.cfdi.codes import compile as compiling
    from emite.lookup import index

    try:
        written = compiling.main()
    except compiling.SourceMissing as error:
        raise Trouble(str(error)) from error
    written = index.build() or written
    print("Catálogos y esquemas del SAT listos." if written else "Los catálogos y esquemas del SAT ya estaban listos.")
    return 0
