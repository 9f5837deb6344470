"""The port every PAC adapter answers through: what can be asked, what can be answered, what an answer proves.
Not here: HTTP (http.py), a provider's own protocol (one file each), what to do with an answer (documents/)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from emite.cfdi.csd import Certificate

RAW_LIMIT: Final = 64 * 1024
"""Bytes of a raw answer that are kept as evidence."""


class Dedup(StrEnum):
    """How a PAC recognises a document that it has already stamped."""

    CONTENT = "content"
    """By the document: the same bytes sent twice answer 307."""
    KEY = "key"
    """By our key (SW's customid, Diverza's ref-id): the same key and bytes answer 307; other bytes are refused."""
    NONE = "none"
    """Not at all: the same bytes sent twice are two live CFDI."""


class LookupBy(StrEnum):
    """What a PAC needs to find an earlier stamp."""

    BYTES = "by_bytes"
    KEY = "by_key"
    FOLIO = "by_folio"
    NONE = "none"
    """A look-up finds or tells nothing: with a key, sending the same bytes again tells (307)."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one PAC account can do; decides when sending again is safe."""

    dedup: Dedup
    lookup: LookupBy
    key_ttl: timedelta | None
    """How long the PAC remembers a key, from its first use. None: for ever, or no keys."""
    visible_after: timedelta
    """A stamp may be missing from look-ups for this long."""
    max_processing: timedelta
    """A request may still be turned into a stamp this long after it was sent."""
    seal_local: bool = True
    """We seal; the PAC never holds the private key."""
    lists: bool = False
    """It tells every stamp that it gave an issuer in a window, and gives any of them by its folio fiscal."""
    answers_as: str = ""
    """The RFC under which it hands SAT a receptor's answer to a cancellation, and then also lists those that wait;
    "": it does neither."""
    receipts: bool = False
    """It gives the acuse of a cancellation again."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was really seen on the wire, kept with the attempt."""

    http: int | None
    """HTTP status; None when no status line arrived."""
    code: str | None
    """The code the PAC gave, SAT's or its own."""
    raw: bytes
    """The answer's body, cut at RAW_LIMIT."""
    pac_date: datetime | None
    """The HTTP Date header, aware, to measure clock skew."""
    elapsed_ms: int


class NotSentCause(StrEnum):
    """Why it is certain that this attempt stamped nothing."""

    UNREACHABLE = "unreachable"
    """DNS, refused, TLS: no byte of the request was written."""
    UNAUTHENTICATED = "unauthenticated"
    """The PAC refused our credentials, which it does before it reads the document."""
    NO_CREDITS = "no_credits"
    """The account has no stamps left, which the PAC checks before it reads the document."""
    NO_MANIFEST = "no_manifest"
    """The issuer has not signed this PAC's carta manifiesto, without which it stamps nothing of that RFC."""
    MISCONFIGURED = "misconfigured"
    """Account and adapter disagree (say, on how duplicates are recognised); nothing was sent."""


@dataclass(frozen=True, slots=True)
class Stamped:
    """Stamped. `xml` carries a timbre whose SelloCFD is our seal; the caller still verifies it whole."""

    xml: bytes
    repeated: bool
    """True: the PAC had stamped it before (307) and gave that stamp again."""
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Rejected:
    """The PAC read the document and refused it with a code of `is_definitive`. Speaks of this attempt only: while an
    earlier attempt with the same bytes is in doubt, that one may still have been stamped."""

    code: str
    text: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class NotSent:
    """This attempt stamped nothing, for certain. Earlier attempts in doubt stay in doubt."""

    reason: str
    evidence: Evidence
    cause: NotSentCause = NotSentCause.UNREACHABLE


@dataclass(frozen=True, slots=True)
class Doubt:
    """Anything else: the document may have been stamped. `code` is the PAC's, or "" when it gave none."""

    code: str
    text: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Found:
    """The PAC holds a stamp of exactly this seal."""

    xml: bytes
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class NotFound:
    """The PAC says that it holds no stamp. A proof only after `visible_after` (and, without de-duplication, twice after
    `max_processing`)."""

    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Unknown:
    """The look-up itself failed, or its answer can't be trusted."""

    reason: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class ListedStamp:
    """One stamp of a PAC's list. Serie and folio are empty where the list does not carry them."""

    uuid: str
    serie: str = ""
    folio: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """Every stamp that the PAC gave the issuer in the window; perhaps some from around it."""

    stamps: tuple[ListedStamp, ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class NotListed:
    """The PAC has no such list, or did not give it whole: nothing follows from what is missing in it."""

    reason: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Fetched:
    """The stamped CFDI of a folio fiscal as the PAC keeps it. The caller verifies it whole."""

    xml: bytes
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class StatusQuery:
    """A CFDI as SAT's public service asks for it: the data of its QR. `last8` are the last characters of its Sello."""

    emisor: str
    receptor: str
    total: str
    uuid: str
    last8: str


class SatEstado(StrEnum):
    """SAT's Estado of a CFDI, in its words."""

    VIGENTE = "Vigente"
    CANCELADO = "Cancelado"
    NOT_FOUND = "No Encontrado"


@dataclass(frozen=True, slots=True)
class SatStatus:
    """What SAT says of a CFDI. NOT_FOUND is no verdict while the CFDI is fresh: SAT may lag up to 72 hours."""

    estado: SatEstado
    codigo_estatus: str
    es_cancelable: str
    estatus_cancelacion: str
    validacion_efos: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class StatusUnknown:
    """SAT did not answer, or not in its words."""

    reason: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class CancelTold:
    """SAT acknowledged the request: `codes` is EstatusUUID by UUID, `acuse` the bytes that say so (form and digest
    checked). 201 and 202 mean asked for, not cancelled: only `status` says that."""

    codes: Mapping[str, str]
    acuse: bytes
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class CancelRefused:
    """The request as a whole was read and refused (form, signature, certificate): nothing was asked of SAT."""

    code: str
    text: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class CancelDoubt:
    """Anything else: the request may have reached SAT. Sending the same bytes again is safe (202)."""

    code: str
    text: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Pending:
    """The CFDI received by an RFC (folios in capitals) whose cancellation waits for its answer now."""

    uuids: tuple[str, ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class PendingUnknown:
    """The PAC has no such list, or did not give it: nothing follows."""

    reason: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class AnswerTold:
    """SAT acknowledged the answer: `codes` is EstatusUUID by UUID. `acuse` are the bytes that say so (form and digest
    checked); empty where the PAC hands on the codes alone."""

    codes: Mapping[str, str]
    acuse: bytes
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Credits:
    """What the account has left. `left` None: without limit."""

    left: int | None
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class CreditsUnknown:
    """The PAC did not say, or has no such question."""

    reason: str
    evidence: Evidence


CreditsAnswer = Credits | CreditsUnknown
ListAnswer = Listed | NotListed
FetchAnswer = Fetched | Unknown
CancelAnswer = CancelTold | CancelRefused | CancelDoubt | NotSent
PendingAnswer = Pending | PendingUnknown
ReceptorAnswer = AnswerTold | CancelRefused | CancelDoubt | NotSent
StampAnswer = Stamped | Rejected | NotSent | Doubt
LookupAnswer = Found | NotFound | Unknown
StatusAnswer = SatStatus | StatusUnknown


class Pac(Protocol):
    """One account at one PAC. No method raises for what the network or the PAC does: answers are values."""

    @property
    def capabilities(self) -> Capabilities:
        """What this account can do. No network."""

    def stamp(self, xml: bytes, key: str) -> StampAnswer:
        """Send the sealed bytes under our key (at most 100 characters). Ends within the total deadline once a byte has
        left."""

    def lookup(self, xml: bytes, key: str) -> LookupAnswer:
        """Ask for an earlier stamp of these very bytes. Never stamps."""

    def cancel(self, request: bytes) -> CancelAnswer:
        """Send a signed cancellation request. Idempotent by folio: the same bytes may be sent again."""

    def receipt(self, rfc: str, uuid: str) -> FetchAnswer:
        """The acuse of this issuer's cancellation of this folio, as the PAC keeps it. The caller verifies it."""

    def pending_cancellations(self, rfc: str) -> PendingAnswer:
        """Whose cancellation waits for the answer of this receptor. Changes nothing."""

    def answer_cancellation(self, request: bytes) -> ReceptorAnswer:
        """Send a receptor's signed answer. The same bytes may be sent again: SAT then says that it has one."""

    def status(self, query: StatusQuery) -> StatusAnswer:
        """Ask SAT's public service (or the PAC's stand-in for it) how a CFDI stands. Changes nothing."""

    def credits(self, rfc: str) -> CreditsAnswer:
        """Stamps left for this issuer. Changes nothing."""

    def listing(self, rfc: str, since: datetime, until: datetime) -> ListAnswer:
        """What was stamped for this issuer in [since, until), both aware. Changes nothing."""

    def fetch(self, rfc: str, uuid: str) -> FetchAnswer:
        """The stamped CFDI of this issuer with this folio fiscal. Changes nothing."""

    def certificates(self) -> Mapping[str, Certificate]:
        """The stamp signers trusted for this PAC, by NoCertificado; empty when they can't be had now."""


_DEFINITIVE: Final = re.compile(r"30[1-6]|308|402|CFDI40[12]\d\d|CFDI1402\d\d|CRP20[12]\d\d")


def is_definitive(code: str) -> bool:
    """Whether a PAC's code is the proof that the document was read and refused.

    An allow-list: SAT's generic codes 301-306, 308 and 402, and the matrices of CFDI 4.0 (CFDI401xx, 402xx, 1402xx) and
    Pagos 2.0 (CRP201xx, 202xx). Left out on purpose: 307 (a stamp exists), 401, 403 and 404 (the date is judged at the
    moment of sending, so a second sending may meet them although the first was stamped), CFDI40999 and CRP20999
    ("no clasificado"), and every code of the PAC's own.
    """
    return _DEFINITIVE.fullmatch(code) is not None
