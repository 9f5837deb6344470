"""Where a call may go: a name resolved once, every address of it public, unless the operator names it.

Shared by what speaks to a PAC (http.py) and to other systems (integrations/outgoing.py). Not here: sockets, settings.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
#: IPv6 that carry an IPv4 inside, through which a private one could be named.
_CARRIERS: Final = tuple(
    ipaddress.ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class OutOfReach(OSError):
    """We never call this address."""


class Unresolved(OSError):
    """The name leads nowhere now; trying later may help."""


def is_public(address: Address) -> bool:
    """A machine of the Internet: not private, loopback, link-local (metadata services), shared, reserved, multicast."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return is_public(address.ipv4_mapped)
        if any(address in net for net in _CARRIERS):
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def is_named(host: str, port: int, names: Sequence[str]) -> bool:
    """Whether the operator's list names this host, alone or with this port."""
    return host in names or f"{host}:{port}" in names


def public_address(host: str, port: int, deadline: float, *, trusted: bool = False) -> str:
    """The one resolution: all its addresses must be public, the first is the one to connect to.

    `deadline` is of time.monotonic. Raises OutOfReach or Unresolved.
    """
    found = [ipaddress.ip_address(text.partition("%")[0]) for text in _resolve(host, port, deadline)]
    if not trusted and not all(is_public(address) for address in found):
        raise OutOfReach("el nombre lleva a una red privada o reservada")
    return str(found[0])


@dataclass(frozen=True, slots=True)
class Reach:
    """Where one PAC account may lead. On this machine only to the ports in `local` (None: to any)."""

    allowed: tuple[str, ...] = ()
    """Hosts, or host:port, that the operator allows besides: private ones, and others of this machine."""
    local: frozenset[int] | None = None

    def address(self, host: str, port: int, deadline: float) -> str:
        """The address to connect to. Raises OutOfReach or Unresolved."""
        trusted = is_named(host, port, self.allowed)
        if host in LOOPBACK:
            if trusted or self.local is None or port in self.local:
                return host
            raise OutOfReach("esta cuenta no puede llevar a otro programa de este servidor")
        return public_address(host, port, deadline, trusted=trusted)


def _resolve(host: str, port: int, deadline: float) -> Sequence[str]:
    """getaddrinfo has no time limit of its own, so it works in a thread that may be left behind."""
    found: list[str] = []
    errors: list[OSError] = []

    def ask() -> None:
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend(str(row[4][0]) for row in rows)
        except OSError as error:
            errors.append(error)

    asking = threading.Thread(target=ask, name="resolve", daemon=True)
    asking.start()
    asking.join(max(0.0, deadline - time.monotonic()))
    if not found:
        raise Unresolved(f"{type(errors[0]).__name__}: {errors[0]}" if errors else "el nombre no se resolvió a tiempo")
    return list(found)
