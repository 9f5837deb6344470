"""Send bytes to a thermal printer on the network (port 9100 and the like): one connection, short waits, clear errors.

Only to an IP: a name could lead elsewhere from one moment to the next. Private networks are closed unless the operator
opens them (EMITE_PRINTER_NETWORKS), because whoever sets up a register is not who runs the machines.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

from django.conf import settings

from emite.pac.reach import is_public

CONNECT_SECONDS, SEND_SECONDS = 3, 5


class PrinterRefused(Exception):
    """That address may not be printed to; the message says why."""


class PrinterAway(Exception):
    """The printer did not take it."""


def check_address(host: str, *, networks: Iterable[str] | None = None) -> str:
    """The IP as it will be called. Raises PrinterRefused."""
    try:
        address = ipaddress.ip_address(host.strip())
    except ValueError:
        raise PrinterRefused("Escriba la IP de la impresora, como 192.168.1.50.") from None
    allowed = [
        ipaddress.ip_network(each) for each in (settings.EMITE_PRINTER_NETWORKS if networks is None else networks)
    ]
    if not is_public(address) and not any(address in network for network in allowed):
        raise PrinterRefused(
            "Esa IP es de una red privada que este servidor no tiene permitida. Quien lo opera la agrega en "
            "EMITE_PRINTER_NETWORKS; mientras, imprima desde el navegador."
        )
    return str(address)


def send(host: str, port: int, data: bytes) -> None:
    """Raises PrinterRefused (never will) or PrinterAway (not now)."""
    address = check_address(host)
    try:
        with socket.create_connection((address, port), timeout=CONNECT_SECONDS) as sock:
            sock.settimeout(SEND_SECONDS)
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
    except OSError as error:
        raise PrinterAway("La impresora no respondió: revise que esté encendida, con papel y en la red.") from error
