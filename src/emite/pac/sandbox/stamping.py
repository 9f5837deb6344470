"""What the sandbox PAC does with a document: recognise it, judge it, stamp it, find it again.
Not here: HTTP and faults (program.py), SAT's rules themselves (cfdi/), the file of stamps (state.py)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding

from emite.cfdi import rules, schema, seal, timbre, zones
from emite.cfdi.csd import Certificate
from emite.cfdi.faults import Fault, Severity
from emite.cfdi.xml import XmlRefused
from emite.pac.port import Dedup
from emite.pac.sandbox.authority import LEYENDA, PAC_RFC, TestAuthority
from emite.pac.sandbox.certificates import Trusted
from emite.pac.sandbox.settings import Settings
from emite.pac.sandbox.state import StampRow, State, digest
from emite.pac.sandbox.taxpayers import Refusal, Registry
from emite.pac.seals import parse

if TYPE_CHECKING:
    from lxml import etree

CENTRAL: Final = ZoneInfo("America/Mexico_City")
OLDEST: Final = timedelta(hours=72)
AHEAD: Final = timedelta(minutes=5)
"""PACs bear a clock that is a few minutes fast."""
_OWN_CODES: Final = "EMI"


@dataclass(frozen=True, slots=True)
class Account:
    """Who may stamp, and how this account's duplicates are recognised."""

    user: str
    password: str
    dedup: Dedup


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is answered to one document. `code` "200" or "307" (with `row`), or the refusal's code."""

    code: str
    message: str
    row: StampRow | None = None


@dataclass(frozen=True)
class Office:
    """The PAC's work, without its door."""

    authority: TestAuthority
    state: State
    trusted: Trusted
    registry: Registry
    settings: Settings

    @cached_property
    def signer(self) -> Certificate:
        """Of the stamps that this PAC gives."""
        return Certificate.from_der(self.authority.signer.public_bytes(Encoding.DER))

    def stamp(self, account: Account, document: bytes, key: str) -> Outcome:
        """Judge and stamp. The stamp is committed when this returns."""
        now = self.settings.now()
        known = self._known(account, document, key, now)
        if known is not None:
            return known
        try:
            root = parse(document)
        except XmlRefused as error:
            return Outcome("301", f"XML mal formado: {error}")
        refusal = self._refuse(root, now)
        if refusal is not None:
            return Outcome(*refusal)
        row = self._signed(account, document, key, root, now)
        with self.state.deciding() as insert:
            # A rival may have stamped it while this one was judged and signed.
            known = self._known(account, document, key, now)
            if known is None:
                insert(row)
                self.state.relate(row.uuid, _relations(root))
        return known or Outcome("200", "Timbrado.", row)

    def find(
        self, account: Account, *, document: bytes = b"", key: str = "", folio: tuple[str, str, str] | None = None
    ) -> list[StampRow]:
        """Earlier stamps by bytes, by key, or by (RFC, serie, folio); those too fresh to be seen are left out."""
        if folio is not None:
            rows = self.state.by_folio(account.user, *folio)
        elif key:
            rows = self.state.by_key(account.user, key)
        else:
            rows = self.state.by_content(account.user, digest(document))
        now = self.settings.now()
        return [row for row in rows if row.visible_at <= now]

    def listed(self, account: Account, rfc: str, since: datetime, until: datetime) -> list[StampRow]:
        """An issuer's stamps of a window; those too fresh to be seen are left out."""
        now = self.settings.now()
        return [row for row in self.state.of_issuer(account.user, rfc, since, until) if row.visible_at <= now]

    def kept(self, account: Account, uuid: str) -> StampRow | None:
        """The account's stamp of this folio fiscal."""
        row = self.state.by_uuid(uuid)
        is_seen = row is not None and row.account == account.user and row.visible_at <= self.settings.now()
        return row if is_seen else None

    def _known(self, account: Account, document: bytes, key: str, now: datetime) -> Outcome | None:
        sha256 = digest(document)
        if account.dedup is Dedup.CONTENT:
            rows = self.state.by_content(account.user, sha256)
            return Outcome("307", "El CFDI contiene un timbre previo.", rows[0]) if rows else None
        if account.dedup is Dedup.KEY:
            oldest = now - timedelta(seconds=self.settings.key_ttl_seconds)
            rows = [row for row in self.state.by_key(account.user, key) if row.stamped_at > oldest]
            if rows and rows[0].sha256 == sha256:
                return Outcome("307", "El CFDI contiene un timbre previo.", rows[0])
            if rows:
                return Outcome("CFDI3307", "Timbre duplicado: la clave ya se usó con otro documento.")
        return None

    def _refuse(self, root: etree._Element, now: datetime) -> Refusal | None:
        for check in self._checks(root, now):
            refusal = check()
            if refusal is not None:
                return refusal
        return None

    def _checks(self, root: etree._Element, now: datetime) -> Iterator[Callable[[], Refusal | None]]:
        """In the order of a PAC: form, earlier stamp, certificate and seal, date, matrix, lists."""
        yield lambda: _stamped_already(root)
        yield lambda: _first(schema.validate(root))
        yield lambda: self._authority(root)
        yield lambda: _first(seal.verify(root), own="302")
        yield lambda: _date(root, now)
        yield lambda: _first(rules.check(root, tipo_check="foreign"))
        yield lambda: self.registry.refuse(root)

    def _authority(self, root: etree._Element) -> Refusal | None:
        if not self.trusted.accepts(root.get("Certificado", "")):
            return "308", "Certificado no expedido por una autoridad que este ambiente de pruebas acepte."
        emisor = root.find("{*}Emisor")
        rfc = "" if emisor is None else emisor.get("Rfc", "")
        return self.registry.refuse_certificate(root.get("NoCertificado", ""), rfc)

    def _signed(self, account: Account, document: bytes, key: str, root: etree._Element, now: datetime) -> StampRow:
        stamp = timbre.build(
            uuid=str(uuid.uuid4()).upper(),
            fecha_timbrado=now.astimezone(CENTRAL).replace(tzinfo=None, microsecond=0),
            rfc_prov_certif=PAC_RFC,
            leyenda=LEYENDA,
            sello_cfd=root.get("Sello", ""),
            no_certificado_sat=self.signer.no_certificado,
            sign=self._sign,
        )
        emisor, receptor = root.find("{*}Emisor"), root.find("{*}Receptor")
        return StampRow(
            uuid=stamp.uuid,
            account=account.user,
            key=key,
            sha256=digest(document),
            sello=stamp.sello_cfd,
            rfc_emisor="" if emisor is None else emisor.get("Rfc", ""),
            rfc_receptor="" if receptor is None else receptor.get("Rfc", ""),
            serie=root.get("Serie", ""),
            folio=root.get("Folio", ""),
            total=root.get("Total", ""),
            tipo=root.get("TipoDeComprobante", ""),
            stamped_at=now,
            visible_at=self.settings.visible_from(now),
            estado="Vigente",
            xml=timbre.attach(document, stamp),
        )

    def _sign(self, data: bytes) -> bytes:
        return self.authority.signer_key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def _relations(root: etree._Element) -> list[tuple[str, str]]:
    """(UUID, kind) of every CFDI that a document refers to: its TipoRelacion, or "P" for one that it pays."""
    found = [
        (node.get("UUID", "").upper(), group.get("TipoRelacion", ""))
        for group in root.iterfind("{*}CfdiRelacionados")
        for node in group.iterfind("{*}CfdiRelacionado")
    ]
    return found + [(node.get("IdDocumento", "").upper(), "P") for node in root.iter("{*}DoctoRelacionado")]


def _stamped_already(root: etree._Element) -> Refusal | None:
    if root.find("{*}Complemento/{http://www.sat.gob.mx/TimbreFiscalDigital}TimbreFiscalDigital") is not None:
        return "307", "El CFDI contiene un timbre previo."
    return None


def _first(faults: list[Fault], own: str | None = None) -> Refusal | None:
    """The first fault that a PAC would refuse. Codes of our own mean nothing to a PAC: `own` is what it says instead;
    None: it would not notice."""
    for fault in faults:
        code = own if fault.code.startswith(_OWN_CODES) else fault.code
        if fault.severity is Severity.ERROR and code is not None:
            return code, fault.message
    return None


def _date(root: etree._Element, now: datetime) -> Refusal | None:
    """401: between 72 hours ago and now, in the zone of LugarExpedicion (RMF 2.7.2.9)."""
    try:
        issued = zones.moment_of(datetime.fromisoformat(root.get("Fecha", "")), root.get("LugarExpedicion", ""))
    except ValueError:
        return None  # the matrix says what is wrong with the CP or the date
    if now - OLDEST <= issued <= now + AHEAD:
        return None
    return "401", "Fecha y hora de generación fuera de rango: más de 72 horas, o en el futuro."
