"""The command `emite`: finds the subcommand, imports only it, runs it.
What each one does lives in ops, cfdi and pac."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

# name: (module, what it does). A module of ours has add_arguments(parser) and run(options) -> exit code.
_COMMANDS = {
    "run": ("emite.ops.run", "inicia todo: base de datos, web y trabajador"),
    "web": ("emite.ops.web", "sólo el servidor web"),
    "work": ("emite.ops.work", "sólo el trabajador que sella y timbra"),
    "migrate": ("emite.ops.migrate", "actualiza las tablas de la base de datos"),
    "sweep": ("emite.ops.sweep", "reanuda ahora todo lo que quedó pendiente"),
    "export": ("emite.ops.export", "escribe el ZIP de un mes para el contador"),
    "reconcile": ("emite.ops.reconcile", "compara lo timbrado con el SAT y el PAC; muestra solo diferencias"),
    "verify": ("emite.ops.verify", "revisa la bitácora, lo timbrado y lo cifrado"),
    "backup": ("emite.ops.backup", "escribe un respaldo de todo en un archivo"),
    "restore": ("emite.ops.restore", "devuelve un respaldo a una base vacía, sin timbrar todavía"),
    "quarantine": ("emite.ops.quarantine", "trae del PAC lo timbrado tras el respaldo y vuelve a timbrar"),
    "doctor": ("emite.ops.doctor", "dice con palabras qué está mal en esta instalación"),
    "pac-account": ("emite.ops.pac_account", "cuentas del PAC: ver, agregar, cambiar y probar"),
    "keys": ("emite.ops.keys", "crea, cambia y revisa las llaves"),
    "sat-data": ("emite.ops.sat_data", "prepara los catálogos y esquemas del SAT"),
    "support-user": ("emite.ops.support_user", "nombra a una persona del soporte, que activa portales"),
    "organization": ("emite.ops.organization", "da de alta hospitales, consultorios y aseguradoras"),
    "demo": ("emite.ops.demo", "hospital inventado, listo para probarse"),
}
# name: (module, what it does). These read their own arguments: main(argv) -> exit code.
_WHOLE = {
    "check": ("emite.ops.check", "revisa CFDI 4.0 sin conexión ni base de datos"),
    "sandbox-pac": ("emite.pac.sandbox.__main__", "PAC simulado para pruebas, sin valor fiscal"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit code; troubles become one sentence on stderr and code 1."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in _WHOLE:
        _speak_spanish()
        return int(import_module(_WHOLE[words[0]][0]).main(words[1:]) or 0)
    if words and words[0] in _COMMANDS:
        return _run(words[0], words[1:])
    _speak_spanish()
    parser = _help()
    parser.parse_args(words)  # --help, --version, or an error that names the commands
    parser.print_help()
    return 2


def _run(name: str, words: list[str]) -> int:
    _speak_spanish()
    module = import_module(_COMMANDS[name][0])
    parser = argparse.ArgumentParser(prog=f"emite {name}", description=_COMMANDS[name][1].capitalize() + ".")
    module.add_arguments(parser)
    options = parser.parse_args(words)
    from emite.database.trouble import Trouble

    try:
        return int(module.run(options) or 0)
    except Trouble as trouble:
        print(f"emite {name}: {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if not _lacks_tables(error):
            raise
        print(f"emite {name}: Faltan tablas, o son de otra versión. Las actualiza: emite migrate", file=sys.stderr)
        return 1


def _lacks_tables(error: Exception) -> bool:
    """Whether the tables are behind, and not a statement of ours wrong.

    It is psycopg's error, as the cause of Django's; neither is imported to ask for help.
    """
    if type(error.__cause__).__name__ not in ("UndefinedTable", "UndefinedColumn"):
        return False
    from django.db import DatabaseError

    from emite.database import migrating

    try:
        return bool(migrating.pending())
    except DatabaseError:
        return True


def _help() -> argparse.ArgumentParser:
    from emite import __version__

    lines = [f"  {name:<13}{text}" for name, (_, text) in {**_COMMANDS, **_WHOLE}.items()]
    parser = argparse.ArgumentParser(
        prog="emite",
        usage="emite COMANDO [opciones]",
        description="Facturación electrónica (CFDI 4.0) para el sector salud.",
        epilog="comandos:\n" + "\n".join(lines) + "\n\nemite COMANDO --help explica cada uno.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    parser.add_argument("-h", "--help", action="help", help="muestra esta ayuda")
    parser.add_argument("--version", action="version", version=f"emite {__version__}", help="muestra la versión")
    parser.add_argument("command", nargs="?", choices=[*_COMMANDS, *_WHOLE], metavar="COMANDO", help=argparse.SUPPRESS)
    return parser


_SPANISH = {
    "usage: ": "uso: ",
    "options": "opciones",
    "positional arguments": "argumentos",
    "show this help message and exit": "muestra esta ayuda",
    "%(prog)s: error: %(message)s\n": "%(prog)s: %(message)s\n",
    "the following arguments are required: %s": "falta: %s",
    "unrecognized arguments: %s": "no se reconoce: %s",
    "expected one argument": "necesita un valor",
    "expected at least one argument": "necesita al menos un valor",
    "argument %(argument_name)s: %(message)s": "%(argument_name)s: %(message)s",
    "invalid %(type)s value: %(value)r": "valor no válido: %(value)r",
    "invalid choice: %(value)r (choose from %(choices)s)": "no existe %(value)r (hay: %(choices)s)",
    "unknown parser %(parser_name)r (choices: %(choices)s)": "no existe %(parser_name)r (hay: %(choices)s)",
}


def _speak_spanish() -> None:
    """argparse asks gettext for its few sentences and Python carries no Spanish ones: give it ours."""
    vars(argparse)["_"] = lambda text: _SPANISH.get(text, text)


if __name__ == "__main__":
    sys.exit(main())
