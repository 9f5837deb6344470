"""The command `emite sandbox-pac`: read the options, open the folder, serve until told to stop.
Not here: the HTTP program (program.py)."""

from __future__ import annotations

import argparse
import ipaddress
import os
import secrets
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding

from emite.cfdi import codes
from emite.cfdi.authorities import Authority, Realm, sat_tests
from emite.pac.port import Dedup
from emite.pac.sandbox.authority import TestAuthority
from emite.pac.sandbox.certificates import Trusted
from emite.pac.sandbox.faces import Face
from emite.pac.sandbox.finkok import FinkokFace
from emite.pac.sandbox.own import OwnFace
from emite.pac.sandbox.program import Server
from emite.pac.sandbox.settings import Settings
from emite.pac.sandbox.stamping import Account, Office
from emite.pac.sandbox.state import InUse, State
from emite.pac.sandbox.swsapien import SwSapienFace
from emite.pac.sandbox.taxpayers import Registry

FACES: Final[dict[str, Callable[[], Face]]] = {"emite": OwnFace, "finkok": FinkokFace, "swsapien": SwSapienFace}
_USUAL: Final = {"finkok": Dedup.CONTENT, "swsapien": Dedup.KEY}


def main(argv: list[str] | None = None) -> int:
    """Serve. 0: stopped by SIGTERM or Ctrl-C; 2: it couldn't start, and the reason is on stderr in Spanish."""
    options = _options(argv)
    try:
        if not ipaddress.ip_address(options.host).is_loopback:
            raise ValueError("el PAC simulado sólo atiende en esta máquina: use 127.0.0.1 o ::1")
        accounts = [_account(text) for text in options.account] or [
            Account(options.user, options.password, _USUAL.get(options.speak) or Dedup(options.dedup))
        ]
        codes.contains("c_Moneda", "MXN")  # without SAT's data every document would be answered with a defect
        authority = TestAuthority.open(options.data)
        own = Authority.of(authority.root.public_bytes(Encoding.DER), Realm.SANDBOX)
        trusted = Trusted([own, *(sat_tests() if options.accept_sat_tests else ())])
        state = State(options.data)
    except (ValueError, OSError, InUse, codes.SatDataMissing) as error:
        print(f"emite sandbox-pac: {error}", file=sys.stderr)
        return 2
    try:
        office = Office(authority, state, trusted, Registry(), Settings())
        face = FACES[options.speak]()
        return serve(options.host, options.port, office, accounts, _control_token(options), options.verbose, face)
    finally:
        state.close()


def serve(
    host: str,
    port: int,
    office: Office,
    accounts: list[Account],
    control_token: str,
    verbose: bool = False,
    face: Face | None = None,
) -> int:
    """Print "listo http://HOST:PORT" once connections are taken, and serve until SIGTERM or SIGINT."""
    try:
        server = Server((host, port), office, accounts, control_token, verbose, face)
    except OSError as error:
        print(f"emite sandbox-pac: no se pudo abrir {host}:{port} ({error})", file=sys.stderr)
        return 2

    def stop(number: int, frame: object) -> None:
        server.stopping.set()
        # shutdown() waits for the loop that this very thread runs.
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    shown = f"[{host}]" if ":" in host else host
    print(f"listo http://{shown}:{server.server_port}", flush=True)
    with server:
        server.serve_forever(poll_interval=0.1)
    return 0


def _control_token(options: argparse.Namespace) -> str:
    """The given one, or a new one that only the folder's owner can read."""
    given = options.control_token or os.environ.get("EMITE_SANDBOX_CONTROL_TOKEN")
    if given:
        return str(given)
    token = secrets.token_urlsafe(24)
    descriptor = os.open(options.data / "control-token", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(token)
    return token


def _account(text: str) -> Account:
    parts = text.split(":")
    if len(parts) != 3 or not all(parts):
        raise ValueError(f"la cuenta se escribe USUARIO:CONTRASEÑA:CLASE, no {text!r}")
    return Account(parts[0], parts[1], Dedup(parts[2]))


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="emite sandbox-pac",
        description="PAC simulado: valida y timbra como un PAC, sin valor fiscal. Sólo atiende en esta máquina.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="dirección local (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8801, help="puerto; 0: el que esté libre (8801)")
    parser.add_argument("--data", type=Path, required=True, help="carpeta de su autoridad de pruebas y sus timbres")
    parser.add_argument("--user", default="pruebas", help="usuario de la cuenta (pruebas)")
    parser.add_argument("--password", default="pruebas", help="contraseña de la cuenta (pruebas)")
    parser.add_argument(
        "--dedup", choices=[each.value for each in Dedup], default="content", help="cómo reconoce duplicados (content)"
    )
    parser.add_argument(
        "--as", dest="speak", choices=tuple(FACES), default="emite", help="protocolo que habla (el propio: emite)"
    )
    parser.add_argument(
        "--account", action="append", default=[], metavar="USUARIO:CONTRASEÑA:CLASE", help="en vez de la cuenta única"
    )
    parser.add_argument(
        "--accept-sat-tests", action="store_true", help="acepta también los CSD de prueba que publica el SAT"
    )
    parser.add_argument("--control-token", help="clave de /_control/; sin ella se escribe una en la carpeta")
    parser.add_argument("--verbose", action="store_true", help="escribe cada llamada en stderr")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
