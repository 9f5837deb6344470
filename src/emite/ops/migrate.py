"""`emite migrate`: bring the tables to this version, as their owner.
`emite run` does it by itself."""

import argparse

from emite.ops import ground


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--list", action="store_true", help="sólo dice qué falta por aplicar")
    parser.add_argument(
        "--no-limits", action="store_true", help="espera lo que haga falta; sólo con el servicio detenido"
    )


def run(options: argparse.Namespace) -> int:
    with ground.standing():
        from emite.database import migrating

        pending = migrating.pending()
        if options.list:
            print("\n".join(pending) or "Las tablas están al día.")
            return 0
        migrating.migrate(limits=not options.no_limits)
        print(f"Listo: {len(pending)} cambios aplicados a las tablas.")
    return 0
