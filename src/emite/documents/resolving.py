"""What a person may do for a document that no machine can finish: have it looked up, bring its stamp, let it go.

Every verb locks the row, so it is done before or after a worker's step, never in the middle of one. What an end
entails for charges is the caller's, in the same transaction (`invoices.resolving`).
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Final

from django.db.models import Q, QuerySet

from emite.accounts.models import User
from emite.audit import record
from emite.cfdi import timbre
from emite.cfdi.timbre import StampInvalid
from emite.cfdi.xml import XmlRefused
from emite.documents import machine, stamping
from emite.documents.models import UNSETTLED, FiscalDocument, SealedXml, StampAttempt, State
from emite.documents.sealing import note
from emite.documents.waking import wake
from emite.issuers.connecting import keyless
from emite.organizations.models import Membership
from emite.organizations.permissions import Need, Role
from emite.pac import seals

#: In doubt for longer than this: three times what the slowest PAC needs, so that something else is wrong.
HORIZON: Final = dt.timedelta(minutes=30)
#: Nobody downloads more than this from a PAC for one document.
MAX_XML: Final = seals.MAX_BYTES

IN_DOUBT: Final = (State.SEALED, State.SENDING, State.UNKNOWN, State.HELD)
_ROLES: Final = (Role.ADMINISTRADOR, Role.FACTURADOR)


class NotAllowed(Exception):
    """Whoever asks may not decide on documents in doubt."""


class Refused(Exception):
    """It cannot be done; `message` says why and what can."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Proof:
    """What proves that nothing was stamped, and how much of it there is.

    A look-up before `not_before` proves nothing.
    """

    needed: int
    found: int
    not_before: dt.datetime | None
    last_at: dt.datetime | None
    last_outcome: str

    @property
    def is_complete(self) -> bool:
        return self.found >= self.needed


def may_resolve(user: User, organization_id: uuid.UUID) -> bool:
    """Administrador or facturador, with the permission to issue."""
    rows = Membership.objects.who_may(Need.ISSUE).filter(organization_id=organization_id, user=user, role__in=_ROLES)
    return rows.exists()


def beyond_the_machine(now: dt.datetime) -> Q:
    """The condition of documents that only a person can finish: held, or in doubt beyond the horizon."""
    return Q(state=State.HELD) | (Q(state__in=IN_DOUBT, in_doubt=True) & Q(first_sent_at__lte=now - HORIZON))


def never_sent() -> Q:
    """The condition of documents of whose present bytes nothing can be stamped, because none ever left."""
    return Q(state__in=(State.DRAFT, State.SEALED), in_doubt=False, first_sent_at=None)


def is_never_sent(document: FiscalDocument) -> bool:
    """The same of a row already read."""
    return document.state in (State.DRAFT, State.SEALED) and not document.in_doubt and document.first_sent_at is None


def proof_of(document: FiscalDocument) -> Proof:
    """The proof that the machine asks for, as it stands. Raises ValueError for an account that cannot be used."""
    capabilities = keyless(document.pac_account).capabilities
    last = (
        StampAttempt.objects.filter(
            organization_id=document.organization_id,
            document_id=document.pk,
            seal_rev=document.seal_rev,
            operation=StampAttempt.Operation.LOOKUP,
            phase=StampAttempt.Phase.ANSWERED,
        )
        .defer("raw")
        .order_by("-number")
        .first()
    )
    quiet = capabilities.max_processing + capabilities.visible_after
    return Proof(
        needed=machine.negatives_needed(capabilities.dedup),
        found=document.not_found,
        not_before=document.last_sent_at + quiet if document.last_sent_at else None,
        last_at=last.at if last else None,
        last_outcome=last.outcome if last else "",
    )


def look_up_again(pk: uuid.UUID, organization_id: uuid.UUID, *, user: User, now: dt.datetime) -> FiscalDocument:
    """Have a worker go on with it at once, whenever its turn was. Raises NotAllowed or Refused."""
    document = _locked(pk, organization_id, user)
    _at_once(document, now)
    _told(document, "document.look_up", user, now)
    return document


def give_up(pk: uuid.UUID, organization_id: uuid.UUID, *, reason: str, user: User, now: dt.datetime) -> FiscalDocument:
    """Discard it: now if nothing of it was ever sent; else as soon as a look-up proves that nothing was stamped.

    Until that proof it is VOID for nobody: the charge stays bound and the document is looked up, never sent again.
    Raises NotAllowed or Refused.
    """
    document = _locked(pk, organization_id, user)
    if is_never_sent(document):
        discard_unsent(document, now)
        _told(document, "document.discard", user, now, reason=reason)
        return document
    if document.discard_asked_at is None:
        # Whoever drives it now must not send it again: without the lease it writes nothing but a true stamp.
        _take(document)
        FiscalDocument.objects.filter(pk=document.pk).update(discard_asked_at=now, lease_owner="", lease_until=None)
        document.discard_asked_at = now
        note(document, "discard_asked", now=now, who=user.email)
        _told(document, "document.discard_asked", user, now, reason=reason)
    _at_once(document, now)
    return document


def discard_unsent(document: FiscalDocument, now: dt.datetime) -> None:
    """The end of one of which nothing was ever sent; its row must be locked. A worker that drives it writes nothing."""
    _take(document)
    stamping.settle(document, machine.discard(now), now)


def keep(pk: uuid.UUID, organization_id: uuid.UUID, *, user: User, now: dt.datetime) -> FiscalDocument:
    """Take `give_up` back while there is no proof yet: it will be sent again as soon as that is safe."""
    document = _locked(pk, organization_id, user)
    if document.discard_asked_at is None:
        raise Refused("Nadie ha pedido descartarla: sigue en curso.")
    FiscalDocument.objects.filter(pk=document.pk).update(discard_asked_at=None)
    document.discard_asked_at = None
    note(document, "discard_taken_back", now=now, who=user.email)
    _told(document, "document.keep", user, now)
    return document


def import_stamp(
    pk: uuid.UUID, organization_id: uuid.UUID, xml: bytes, *, user: User, now: dt.datetime
) -> FiscalDocument:
    """Store the stamped XML that the PAC shows in its own pages, as if it had answered with it.

    It must be the very document that was sealed, with a true stamp. Raises NotAllowed or Refused (nothing is stored).
    """
    document = _locked(pk, organization_id, user)
    sealed = SealedXml.objects.filter(organization_id=organization_id, document=document, seal_rev=document.seal_rev)
    ours = sealed.first()
    if ours is None:
        raise Refused("Esta solicitud todavía no se sella: el PAC no puede tenerla timbrada.")
    if len(xml) > MAX_XML:
        raise Refused("El archivo es demasiado grande para ser esta factura: descárguelo otra vez del PAC.")
    stamp = _verified(document, xml, bytes(ours.xml))
    note(document, "imported", now=now, who=user.email, detail={"uuid": stamp.uuid})
    stamping.settle(document, stamping.Verified(xml, stamp), now)
    _told(document, "document.import", user, now, after={"uuid": stamp.uuid})
    return document


def stuck(organization_id: uuid.UUID, now: dt.datetime) -> QuerySet[FiscalDocument]:
    """The organization's documents that only a person can finish, the oldest first, without their contents."""
    rows = FiscalDocument.objects.filter(beyond_the_machine(now), organization_id=organization_id)
    return rows.defer("content").order_by("created_at")


def _locked(pk: uuid.UUID, organization_id: uuid.UUID, user: User) -> FiscalDocument:
    """The row, ours until the caller's transaction ends; a worker's write waits and then finds what we left."""
    if not may_resolve(user, organization_id):
        raise NotAllowed(user.email)
    rows = FiscalDocument.objects.select_for_update(of=("self",)).select_related("pac_account").defer("content")
    document = rows.filter(pk=pk, organization_id=organization_id).first()
    if document is None:
        raise Refused("Esa factura no existe en esta organización.")
    if document.state not in UNSETTLED:
        raise Refused(_ALREADY[State(document.state)])
    return document


_ALREADY: Final = {
    State.STAMPED: "Ya quedó timbrada mientras usted la revisaba: no hace falta nada más.",
    State.REJECTED: "El PAC ya la rechazó y su remisión quedó libre: pídala otra vez con los datos corregidos.",
    State.CANCELLED: "Ya está cancelada ante el SAT.",
    State.VOID: "Ya se descartó y su remisión quedó libre.",
}


def _take(document: FiscalDocument) -> None:
    """Make the row ours for the verbs of `stamping`, which write only what they hold; a worker then writes nothing."""
    FiscalDocument.objects.filter(pk=document.pk).update(lease_owner="", lease_until=None)
    document.lease_owner, document.lease_until = "", None


def _at_once(document: FiscalDocument, now: dt.datetime) -> None:
    FiscalDocument.objects.filter(pk=document.pk).update(next_at=now)
    document.next_at = now
    wake(document.pk)


def _told(
    document: FiscalDocument,
    action: str,
    user: User,
    now: dt.datetime,
    *,
    reason: str = "",
    after: dict[str, str] | None = None,
) -> None:
    record(
        organization_id=document.organization_id,
        actor=user.email,
        action=action,
        subject=f"document:{document.pk}",
        reason=reason.strip()[:200],
        after={"state": document.state, **(after or {})},
        now=now,
    )


def _verified(document: FiscalDocument, xml: bytes, ours: bytes) -> timbre.Timbre:
    """The stamp of an imported file. Raises Refused, naming the first thing that is not as it must be."""
    try:
        theirs, mine = seals.Identity.of(xml), seals.Identity.of(ours)
        stamp = timbre.read(seals.parse(xml))
    except XmlRefused as error:
        raise Refused(f"No se puede leer el archivo. {error.message}") from None
    except StampInvalid:
        raise Refused("El timbre del archivo está incompleto o repetido: descárguelo otra vez.") from None
    if theirs.rfc != mine.rfc:
        raise Refused(
            f"Es de otro emisor: el RFC del archivo es {theirs.rfc[:13] or 'ninguno'}, y debe ser {mine.rfc}."
        )
    if (theirs.serie, theirs.folio) != (mine.serie, mine.folio):
        other = f"{theirs.serie}{theirs.folio}"[:65]
        raise Refused(f"Es otra factura: su folio es {other}, y se espera el {mine.serie}{mine.folio}.")
    if stamp is None:
        raise Refused("El archivo no trae timbre: descargue el XML timbrado, no el que se envió.")
    if theirs.sello != mine.sello or stamp.sello_cfd != mine.sello:
        raise Refused(
            "Tiene el mismo folio, pero no es el documento que este sistema selló: su sello es otro. Si existe de "
            "verdad ante el SAT, debe cancelarse en la página del PAC."
        )
    signers = keyless(document.pac_account).certificates()
    if stamp.no_certificado_sat not in signers:
        raise Refused(
            f"No se puede comprobar el timbre: falta el certificado {stamp.no_certificado_sat} del PAC entre los de "
            "confianza. Lo agrega quien administra el servidor."
        )
    try:
        return timbre.verify_stamp(xml, ours, signers)
    except StampInvalid:
        text = "El timbre no se comprueba: el archivo se modificó o el sello del SAT no es auténtico."
        raise Refused(f"{text} Descárguelo otra vez.") from None
