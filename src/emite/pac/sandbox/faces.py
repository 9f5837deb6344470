"""What a protocol face is: how one PAC's protocol asks for the operations that all of them share.
Not here: each protocol (own.py, finkok.py, swsapien.py), sockets and faults on the wire (program.py)."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from typing import TYPE_CHECKING, Final, Protocol

from emite.pac.sandbox.reply import Reply

if TYPE_CHECKING:
    from emite.pac.sandbox.faults import Fault
    from emite.pac.sandbox.program import Server
    from emite.pac.sandbox.stamping import Account

UNCLASSIFIED: Final = "CFDI40999"
NO_CREDITS: Final = "no_credits"
AUTH_EXPIRED: Final = "auth_expired"


@dataclass(frozen=True, slots=True)
class Call:
    """One call as it came in."""

    method: str
    path: str
    headers: Message
    body: bytes
    query: str = ""
    fault: Fault | None = None


class Face(Protocol):
    """One PAC's protocol."""

    def operation(self, call: Call) -> str | None:
        """Which of faults.OPERATIONS this is; None: there is no such call."""

    def answer(self, server: Server, operation: str, call: Call) -> Reply:
        """What a PAC that behaves answers."""

    def refusal(self, operation: str, code: str) -> Reply:
        """How it says UNCLASSIFIED, NO_CREDITS or AUTH_EXPIRED."""


def shown(xml: bytes, fault: Fault | None) -> str:
    """A stamped document as it is answered: itself, "" (bare_after) or with the timbre of another (foreign_after)."""
    document = xml.decode()
    if fault is None or fault.kind not in ("bare_after", "foreign_after"):
        return document
    if fault.kind == "bare_after":
        return ""
    before, mark, after = document.partition('SelloCFD="')
    return before + mark + "AAAA" + after[4:]


def shown_acuse(told: bytes, fault: Fault | None) -> str:
    """An acuse as it is answered: itself, "" or changed."""
    if fault is not None and fault.kind == "bare_after":
        return ""
    acuse = told.decode()
    if fault is not None and fault.kind == "foreign_after":
        return acuse.replace("<EstatusUUID>", "<EstatusUUID>9")
    return acuse


def account_of(server: Server, user: str, password: str) -> Account | None:
    """The account of these credentials."""
    account = server.accounts.get(user)
    known = account is not None and hmac.compare_digest(password.encode(), account.password.encode())
    return account if known else None


def bearer(server: Server, call: Call) -> Account | None:
    """The account of an open session."""
    scheme, _, token = call.headers.get("Authorization", "").partition(" ")
    return server.session(token) if scheme.lower() == "bearer" else None


Operation = Callable[["Server", Call], Reply]
