"""After a restored backup: bring back from the PAC what was stamped since, so that nothing is stamped a second time.

Each stamp finds its document (sealed, or still a draft with the same content), or a document is made for it with the
charges whose lines it carries; what has no charge here is kept as the CFDI that it is and told. Asks and stores;
never stamps.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

import structlog
from django.db import DatabaseError, transaction
from django.db.models import Q
from lxml import etree

from emite.audit import record
from emite.cancellations.related import SUBSTITUTE
from emite.cfdi import anticipos, timbre
from emite.cfdi.certificates import Certificate
from emite.cfdi.comprobante import Comprobante
from emite.cfdi.egresos import CannotSplit
from emite.cfdi.stored import from_json, to_json
from emite.cfdi.xml_read import comprobante, same_document
from emite.cfdi.zones import moment_of
from emite.charges.allocating import allocate, live_document
from emite.charges.models import AnticipoApplication, Charge
from emite.charges.models.charge import PREFIXES
from emite.charges.pricing import conceptos
from emite.documents import stamping
from emite.documents.models import UNSETTLED, FiscalDocument, SealedXml, State
from emite.documents.resolving import discard_unsent, is_never_sent
from emite.documents.sealing import note
from emite.documents.stamping import Verified
from emite.invoices import building, remnant
from emite.invoices.deposits import applied_to
from emite.invoices.stamping import entail
from emite.issuers.connecting import adapter
from emite.issuers.models import Issuer, PacAccount, Series, StoredCsd
from emite.pac import seals
from emite.pac.port import Fetched, Listed
from emite.reconciling.proving import Unreadable, verified

log = structlog.get_logger(__name__)

Clock = Callable[[], dt.datetime]
#: A stamp may be of a little before the backup: clocks differ, and its answer may have come after.
MARGIN: Final = dt.timedelta(hours=1)
#: How far the folios of an issuer jump whose PAC has no list to tell the last one.
JUMP: Final = 1000
_FOLIO: Final = re.compile(r"(?:^|\()(?P<prefix>REM|COP|ANT)-0*(?P<number>\d+)(?:\)|$)")
_KINDS: Final = {prefix: kind for kind, prefix in PREFIXES.items()}
_SEALED: Final = (State.SEALED, State.UNKNOWN, State.HELD)


@dataclass
class Report:
    """What came back. `unread` and `unlisted` are what keeps a quarantine from ending by itself."""

    listed: int = 0
    finished: int = 0
    made: int = 0
    orphans: list[str] = field(default_factory=list)
    #: Bound to one of several charges that say the very same: a person looks whose it is.
    doubtful: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Every PAC gave its list and every stamp in it is here."""
        return not self.unread and not self.unlisted


def recover(*, taken_at: dt.datetime, clock: Clock, leave: Iterable[str] = ()) -> Report:
    """Every account's stamps since the backup of `taken_at`. Idempotent: what is here already is passed over.

    leave: UUIDs that a person has looked at and that stay out (another system's, of the same RFC).
    """
    report, left = Report(), {each.upper() for each in leave}
    accounts = PacAccount.objects.select_related("issuer__organization").order_by("pk")
    for account in accounts:
        _of_account(account, taken_at - MARGIN, clock, left, report)
    log.info("recovered", listed=report.listed, finished=report.finished, made=report.made, orphans=len(report.orphans))
    return report


def jump(issuer_pks: list[uuid.UUID], by: int = JUMP) -> int:
    """Leave a gap in the folios of these issuers, whose last one nobody could tell; returns how many series."""
    rows = list(Series.objects.filter(issuer__in=issuer_pks))
    for series in rows:
        Series.objects.filter(pk=series.pk).update(next_folio=series.next_folio + by)
    return len(rows)


def _of_account(account: PacAccount, since: dt.datetime, clock: Clock, left: set[str], report: Report) -> None:
    pac, rfc = adapter(account), account.issuer.rfc
    name = f"{account.issuer.organization.slug} · {rfc} · {account.provider}"
    answer = pac.listing(rfc, since, clock())
    if not isinstance(answer, Listed):
        report.unlisted.append(f"{name}: {answer.reason}")
        return
    listed = [uuid.UUID(each.uuid) for each in answer.stamps]
    known = set(FiscalDocument.objects.filter(uuid__in=listed).values_list("uuid", flat=True))
    for each in answer.stamps:
        report.listed += 1
        if uuid.UUID(each.uuid) in known or each.uuid.upper() in left:
            continue
        given = pac.fetch(rfc, each.uuid)
        if not isinstance(given, Fetched):
            report.unread.append(f"{name}: {each.uuid} {given.reason}")
            continue
        try:
            _bring_back(account, given.xml, each.uuid, clock(), report)
        except Unreadable as error:
            report.unread.append(f"{name}: {each.uuid} {error}")
        except (DatabaseError, ValueError, KeyError) as error:  # one strange document must not hide the others
            log.exception("not_recovered", uuid=each.uuid)
            report.unread.append(f"{name}: {each.uuid} no cabe aquí ({type(error).__name__})")


def _bring_back(account: PacAccount, xml: bytes, folio_fiscal: str, now: dt.datetime, report: Report) -> None:
    root, stamp = verified(account.issuer, xml, uuid.UUID(folio_fiscal), adapter(account).certificates())
    # Two organizations may hold the same RFC, and the PAC's list is of the RFC.
    homes = [account.issuer, *Issuer.objects.filter(rfc=account.issuer.rfc).exclude(pk=account.issuer.pk)]
    _, charges, made = _take_in(account, homes, root, Verified(xml, stamp), report, by="emite restore", now=now)
    if not made:
        report.finished += 1
    else:
        report.made += 1
        if not charges:
            report.orphans.append(
                f"{account.issuer.rfc}: {stamp.uuid} {root.get('Serie', '')}{root.get('Folio', '')} "
                f"por {root.get('Total')} ({root.get('TipoDeComprobante')})"
            )


def take_in(
    account: PacAccount, xml: bytes, folio: uuid.UUID, signers: Mapping[str, Certificate], *, by: str, now: dt.datetime
) -> tuple[FiscalDocument, list[Charge]]:
    """One CFDI of this issuer that nobody here knows, as a document with the charges that it is of (perhaps none).

    Raises Unreadable.
    """
    root, stamp = verified(account.issuer, xml, folio, signers)
    document, charges, _ = _take_in(account, [account.issuer], root, Verified(xml, stamp), Report(), by=by, now=now)
    return document, charges


def _take_in(
    account: PacAccount, homes: list[Issuer], root: etree._Element, proved: Verified, report: Report, *, by: str,
    now: dt.datetime,
) -> tuple[FiscalDocument, list[Charge], bool]:  # fmt: skip
    """The document that takes it, its charges, and whether it was made for it."""
    folio_fiscal = proved.timbre.uuid
    with transaction.atomic():
        document = next((found for home in homes if (found := _waiting(home, root)) is not None), None)
        made = document is None
        charges: list[Charge] = []
        if document is None:
            document, charges = _made(account, homes, root, folio_fiscal, now, report)
        if not _holds_seal(document, root):
            _sealed_as(document, root, proved.xml, now)
        if stamping.settle(document, proved, now):
            entail(document, now)
        _beyond(document.issuer, root)
        note(document, "recovered", now=now, detail={"uuid": folio_fiscal})
        record(
            organization_id=document.organization_id,
            actor=by,
            action="document.recovered",
            subject=f"document:{document.pk}",
            after={"uuid": folio_fiscal, "charges": [str(each.pk) for each in charges]},
            now=now,
        )
    return document, charges, made


def _made(
    account: PacAccount, homes: list[Issuer], root: etree._Element, folio_fiscal: str, now: dt.datetime, report: Report
) -> tuple[FiscalDocument, list[Charge]]:
    """A document for a CFDI that the backup does not know, where its charges are; without any, the account's issuer's.

    Raises Unreadable when it takes the place of one that is here: whose charge is whose is then for a person.
    """
    content = comprobante(root)
    replaced = [
        each for relation in content.relacionados if relation.tipo_relacion == SUBSTITUTE for each in relation.uuids
    ]
    if here := FiscalDocument.objects.filter(uuid__in=replaced).first():
        raise Unreadable(
            f"sustituye a {str(here.uuid).upper()}, que aquí sigue vigente: cuando el SAT diga que se canceló, no "
            "facture otra vez lo que ampara. Visto esto, déjelo fuera con --leave"
        )
    for home in homes:
        charges, others = _charges_of(home, content, before=_fecha(root))
        if not charges:
            continue
        if others:
            alike = ", ".join(each.folio for each in others)
            report.doubtful.append(f"{folio_fiscal}: se dio por {charges[0].folio}; podría ser {alike}")
        for each in charges:
            _let_go(each, now)
        its = PacAccount.objects.filter(issuer=home, provider=account.provider).order_by("pk").first()
        return _document(its or account, home, root, charges, folio_fiscal, now), charges
    return _document(account, account.issuer, root, [], folio_fiscal, now), []


def _let_go(charge: Charge, now: dt.datetime) -> None:
    """Discard what still waits to invoice a charge that was invoiced since, so that nothing of it is ever sealed."""
    live = live_document(charge)
    if live is None:
        return
    waiting = FiscalDocument.objects.select_for_update(of=("self",)).get(pk=live.pk)
    if not is_never_sent(waiting):
        raise Unreadable(f"otra solicitud de {charge.folio} se movió mientras tanto: repita")
    discard_unsent(waiting, now)
    entail(waiting, now)
    note(waiting, "discarded", now=now, detail={"why": "invoiced after the backup"})


def _is_free(charge: Charge) -> bool:
    """Nothing live invoices it, or only what was never sent and can be let go."""
    held = live_document(charge)
    return held is None or is_never_sent(held)


def _waiting(issuer: Issuer, root: etree._Element) -> FiscalDocument | None:
    """The document of ours that this is the stamp of: the one of its folio, or a draft that says the same."""
    rows = FiscalDocument.objects.select_for_update(of=("self",)).filter(
        organization_id=issuer.organization_id, issuer=issuer, state__in=UNSETTLED
    )
    named = rows.filter(serie=root.get("Serie", ""), folio=root.get("Folio")).first()
    if named is not None and (_holds_seal(named, root) or same_document(from_json(named.content), root)):
        return named
    drafts = rows.filter(
        state=State.DRAFT, folio=None, kind=root.get("TipoDeComprobante"), total=Decimal(root.get("Total", "0")),
        receptor_rfc=_receptor_rfc(root),
    )  # fmt: skip
    return next((each for each in drafts.order_by("created_at") if same_document(from_json(each.content), root)), None)


def _holds_seal(document: FiscalDocument, root: etree._Element) -> bool:
    kept = SealedXml.objects.filter(document=document, seal_rev=document.seal_rev).first()
    return kept is not None and seals.Identity.of(bytes(kept.xml)).sello == root.get("Sello")


def _sealed_as(document: FiscalDocument, root: etree._Element, xml: bytes, now: dt.datetime) -> None:
    """The seal that the PAC stamped becomes the document's: it was made after the backup. Raises Unreadable."""
    number = root.get("NoCertificado", "")
    csd = StoredCsd.objects.filter(issuer=document.issuer_id, no_certificado=number).order_by("-uploaded_at").first()
    if csd is None:
        raise Unreadable(f"se selló con el certificado {number}, que no está: cárguelo y repita")
    if document.state in _SEALED:  # only a draft is sealed
        FiscalDocument.objects.filter(pk=document.pk).update(state=State.DRAFT)
    sealed = timbre.detach(xml)
    document.seal_rev += 1
    document.state, document.sealed_at = State.SEALED, now
    document.serie, document.folio = root.get("Serie", ""), root.get("Folio", "")
    FiscalDocument.objects.filter(pk=document.pk).update(
        state=State.SEALED, seal_rev=document.seal_rev, serie=document.serie, folio=document.folio, sealed_at=now
    )
    SealedXml.objects.create(
        organization_id=document.organization_id,
        document=document,
        seal_rev=document.seal_rev,
        xml=sealed,
        sha256=hashlib.sha256(sealed).digest(),
        fecha=_fecha(root),
        csd=csd,
    )


def _document(
    account: PacAccount, issuer: Issuer, root: etree._Element, charges: list[Charge], folio_fiscal: str,
    now: dt.datetime,
) -> FiscalDocument:  # fmt: skip
    """A row for a CFDI that the backup does not know, bound to the charges that it invoices.

    One of a series that we do not have hangs from our first: a new one might come before it and number our next.
    """
    content, rows = comprobante(root), Series.objects.filter(organization_id=issuer.organization_id, issuer=issuer)
    series = rows.filter(name=root.get("Serie", "")).first() or rows.order_by("name").first()
    if series is None:
        raise Unreadable(f"{issuer.rfc} no tiene ninguna serie aquí: cree una y repita")
    document = FiscalDocument.objects.create(
        organization_id=issuer.organization_id,
        issuer=issuer,
        series=series,
        pac_account=account,
        kind=content.tipo,
        channel=_channel(content),
        content=to_json(replace(content, serie=None, folio=None)),
        receptor_rfc=content.receptor.rfc,
        total=content.totals.total,
        idempotency_key=f"recovered-{folio_fiscal}",
        created_at=_fecha(root),
    )
    for each in charges:
        allocate(each, document, register=None, now=now)
    return document


def _channel(content: Comprobante) -> str:
    if content.informacion_global is not None:
        return FiscalDocument.Channel.GLOBAL
    return FiscalDocument.Channel.PAYMENT if content.tipo == "P" else FiscalDocument.Channel.DESK


def _charges_of(issuer: Issuer, content: Comprobante, *, before: dt.datetime) -> tuple[list[Charge], list[Charge]]:
    """The charges that this invoice is of: named in it, or with the very lines that it carries; else none.

    And the others that would do as well: two people may have had the same done for the same price.
    """
    if content.tipo != "I":
        return [], []
    if content.informacion_global is not None:
        named = [line.no_identificacion or "" for line in content.conceptos]
        return [each for each in _named(issuer, named) if _is_free(each)], []
    alone = [each for each in _candidates(issuer, content, before) if _is_free(each) and _says([each], content)]
    if alone:
        # What nobody asked for goes first: of two alike, the one that somebody waits for is that person's.
        alone.sort(key=lambda each: live_document(each) is not None)
        return alone[:1], alone[1:]
    together = list(_named(issuer, [line.descripcion for line in content.conceptos]))
    whole = len(together) > 1 and all(map(_is_free, together))
    return (together, []) if whole and _says(together, content) else ([], [])


def _candidates(issuer: Issuer, content: Comprobante, before: dt.datetime) -> Iterator[Charge]:
    applied = AnticipoApplication.objects.filter(
        organization_id=issuer.organization_id, active=True, deposit__allocations__active=True,
        deposit__allocations__document__uuid__in=_deposits_in(content),
    )  # fmt: skip
    # An invoice of a remnant comes to less than its account.
    worth = Q(total=content.totals.total) | Q(pk__in=applied.values("account_id"))
    rows = Charge.objects.filter(worth, organization_id=issuer.organization_id, issuer=issuer)
    yield from rows.filter(issued_at__lte=before + MARGIN).exclude(state=Charge.State.VOID).order_by("issued_at", "pk")


def _named(issuer: Issuer, texts: list[str]) -> Iterator[Charge]:
    """The charges whose folio ends these texts, each once, in the order of issue."""
    wanted = {(found["prefix"], int(found["number"])) for text in texts if (found := _FOLIO.search(_last(text)))}
    for prefix, kind in _KINDS.items():
        numbers = [number for each, number in wanted if each == prefix]
        rows = Charge.objects.filter(organization_id=issuer.organization_id, issuer=issuer, kind=kind)
        yield from rows.filter(number__in=numbers).exclude(state=Charge.State.VOID).order_by("issued_at", "pk")


def _last(text: str) -> str:
    """Without who was treated, which comes after the folio."""
    return text.partition(f". {building.PATIENT_PREFIX}")[0]


def _says(charges: list[Charge], content: Comprobante) -> bool:
    """Whether an invoice of these charges would carry the very same lines, whole or less their deposits (path B)."""
    for with_patient in (False, True):
        lines = building.lines_of_all(charges, with_patient=with_patient)
        if conceptos(lines) == content.conceptos:
            return True
        if not _deposits_in(content):
            continue
        with suppress(CannotSplit):
            if conceptos(remnant.lessened(lines, remnant.taken_by(applied_to(charges)))) == content.conceptos:
                return True
    return False


def _deposits_in(content: Comprobante) -> list[str]:
    """The UUIDs of the deposits that an account's invoice is related to."""
    return [
        each for relation in content.relacionados if relation.tipo_relacion == anticipos.RELATION
        for each in relation.uuids
    ]  # fmt: skip


def _beyond(issuer: Issuer, root: etree._Element) -> None:
    """The folio of this stamp is used: the counter goes past it."""
    folio = root.get("Folio", "")
    if folio.isascii() and folio.isdigit():
        mine = Series.objects.filter(organization_id=issuer.organization_id, issuer=issuer)
        mine.filter(name=root.get("Serie", ""), next_folio__lte=int(folio)).update(next_folio=int(folio) + 1)


def _receptor_rfc(root: etree._Element) -> str:
    receptor = root.find("{*}Receptor")
    return "" if receptor is None else receptor.get("Rfc", "")


def _fecha(root: etree._Element) -> dt.datetime:
    return moment_of(dt.datetime.fromisoformat(root.get("Fecha", "")), root.get("LugarExpedicion", ""))
