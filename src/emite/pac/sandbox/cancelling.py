"""What the sandbox does with a cancellation request and with the receptor's word on one, and how each CFDI then stands
at its "SAT".
Not here: HTTP and faults (program.py), the SOAP of the status (consulta.py), who must accept (cfdi/plazos.py)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from emite.cfdi import acuse, plazos, respuesta
from emite.cfdi.acuse import BEFORE, RECEIVED, Acuse
from emite.cfdi.cancelacion import CancelacionInvalid, Folio, Motivo, verify
from emite.cfdi.certificates import Certificate
from emite.cfdi.respuesta import Respuesta, SolicitudRespuesta
from emite.pac.sandbox.stamping import CENTRAL, Office
from emite.pac.sandbox.state import CancelRow, StampRow

SECRET: Final = b"el sello del SAT simulado"
SUBSTITUTE: Final = "04"

IN_PROCESS: Final = "En proceso"
REJECTED: Final = "Solicitud rechazada"
WITHOUT: Final = "Cancelado sin aceptación"
ACCEPTED: Final = "Cancelado con aceptación"
EXPIRED: Final = "Plazo vencido"


@dataclass(frozen=True, slots=True)
class Standing:
    """What SAT's status service says of a stamp."""

    estado: str
    es_cancelable: str
    estatus: str


def cancel(office: Office, body: bytes) -> tuple[str, bytes]:
    """("200", acuse), or SAT's code and its sense for a request that is refused whole."""
    try:
        request, certificate = verify(body)
    except CancelacionInvalid as invalid:
        code = "302" if "signature" in invalid.reason or "changed" in invalid.reason else "301"
        return code, f"Solicitud mal formada o sello inválido: {invalid.reason}".encode()
    refusal = _certificate(office, request.rfc_emisor, certificate)
    if refusal is not None:
        return refusal[0], refusal[1].encode()
    now = office.settings.now()
    codes = {folio.uuid: _one(office, request.rfc_emisor, folio, now) for folio in request.folios}
    fecha = now.astimezone(CENTRAL).replace(tzinfo=None, microsecond=0)
    told = acuse.build(Acuse(request.rfc_emisor, fecha, codes), SECRET)
    for uuid, code in codes.items():
        if code == RECEIVED:
            office.state.keep_receipt(uuid, told)
    return "200", told


def receipt(office: Office, rfc: str, uuid: str) -> bytes:
    """The acuse of this issuer's cancellation; empty without one."""
    row = office.state.by_uuid(uuid)
    return office.state.receipt(uuid) if row is not None and row.rfc_emisor == rfc else b""


def pending(office: Office, rfc: str) -> list[str]:
    """The folios that wait for this receptor's answer, whoever stamped them: the list is SAT's."""
    rows = (office.state.by_uuid(uuid) for uuid in office.state.waiting(IN_PROCESS))
    return [
        row.uuid
        for row in rows
        if row is not None and row.rfc_receptor == rfc and standing(office, row).estatus == IN_PROCESS
    ]


def hear(office: Office, body: bytes) -> tuple[str, str, bytes]:
    """A receptor's signed answer: ("200", EstatusUUID, acuse), or (SAT's code, "", its sense) for one refused whole."""
    try:
        asked, certificate = respuesta.verify(body)
    except CancelacionInvalid as invalid:
        code = "302" if "signature" in invalid.reason or "changed" in invalid.reason else "301"
        return code, "", f"Respuesta mal formada o sello inválido: {invalid.reason}".encode()
    refusal = _certificate(office, asked.rfc_receptor, certificate)
    if refusal is not None:
        return refusal[0], "", refusal[1].encode()
    code = _heard(office, asked)
    fecha = office.settings.now().astimezone(CENTRAL).replace(tzinfo=None, microsecond=0)
    return "200", code, respuesta.build_acuse(asked, fecha, code, SECRET)


def _heard(office: Office, asked: SolicitudRespuesta) -> str:
    row = office.state.by_uuid(asked.uuid)
    request = office.state.cancellation(asked.uuid)
    if row is None or request is None or row.rfc_receptor != asked.rfc_receptor:
        return respuesta.NOT_PENDING
    if standing(office, row).estatus == IN_PROCESS:
        answer(office, asked.uuid, asked.respuesta == Respuesta.ACCEPT)
        return respuesta.RECEIVED
    latest = office.state.cancellation(asked.uuid)
    return respuesta.BEFORE if latest and latest.estatus in (ACCEPTED, REJECTED) else respuesta.NOT_PENDING


def standing(office: Office, row: StampRow) -> Standing:
    """How a stamp stands now, by the sandbox's clock."""
    now = office.settings.now()
    asked = office.state.cancellation(row.uuid)
    if row.estado == "Cancelado":
        return Standing("Cancelado", "", (asked.estatus if asked else "") or WITHOUT)
    cancelable = _cancelable(office, row, now)
    if asked is None or asked.effective_at > now:
        return Standing("Vigente", cancelable, "")
    if asked.estatus == IN_PROCESS and asked.expires_on is not None and _today(now) > asked.expires_on:
        office.state.settle(row.uuid, EXPIRED)
        return Standing("Cancelado", "", EXPIRED)
    if asked.estatus == WITHOUT:
        office.state.settle(row.uuid, WITHOUT)
        return Standing("Cancelado", "", WITHOUT)
    return Standing("Vigente", cancelable, asked.estatus)


def answer(office: Office, uuid: str, accepts: bool) -> str:
    """The receptor's word on a request in process; the new EstatusCancelacion. Raises ValueError without one."""
    asked = office.state.cancellation(uuid)
    if asked is None or asked.estatus != IN_PROCESS:
        raise ValueError("no hay una solicitud en proceso de este folio")
    office.state.settle(uuid, ACCEPTED if accepts else REJECTED)
    return ACCEPTED if accepts else REJECTED


def _certificate(office: Office, rfc: str, certificate: Certificate) -> tuple[str, str] | None:
    if not office.trusted.accepts(certificate.base64):
        return "308", "Certificado no expedido por una autoridad que este ambiente de pruebas acepte."
    if not certificate.is_csd:
        return "310", "El certificado no es un CSD."
    if certificate.rfc != rfc:
        return "303", "El sello no corresponde a quien firma."
    if not certificate.valid_at(office.settings.now()):
        return "305", "El certificado no está vigente."
    return office.registry.refuse_certificate(certificate.no_certificado, "")


def _one(office: Office, rfc: str, folio: Folio, now: datetime) -> str:
    row = office.state.by_uuid(folio.uuid)
    if row is None or row.visible_at > now:
        return "205"
    if row.rfc_emisor != rfc:
        return "203"
    asked = office.state.cancellation(row.uuid)
    if row.estado == "Cancelado" or (asked is not None and asked.estatus != REJECTED):
        return BEFORE
    code = office.settings.cancel_code or _motivo(office, row, folio)
    if code is not None:
        return code
    if _today(now) > plazos.last_day(_day(row), rfc):
        return "210"
    if _holders(office, row):
        return "204"
    consent = _consent(row, now, refused_before=asked is not None)
    office.state.ask(
        CancelRow(
            uuid=row.uuid,
            motivo=folio.motivo,
            sustitucion=folio.sustitucion or "",
            estatus=IN_PROCESS if consent.needed else WITHOUT,
            asked_at=now,
            effective_at=office.settings.cancelled_from(now),
            expires_on=plazos.accept_by(_today(now)) if consent.silence_accepts else None,
        )
    )
    return RECEIVED


def _motivo(office: Office, row: StampRow, folio: Folio) -> str | None:
    if folio.motivo not in set(Motivo):
        return "207"
    if folio.motivo != Motivo.ERRORS_RELATED:
        return "209" if folio.sustitucion else None
    substitute = office.state.by_uuid(folio.sustitucion) if folio.sustitucion else None
    if substitute is None or substitute.estado != "Vigente" or substitute.rfc_emisor != row.rfc_emisor:
        return "208"
    related = (substitute.uuid, SUBSTITUTE) in office.state.referring(row.uuid)
    return None if related else "212"


def _cancelable(office: Office, row: StampRow, now: datetime) -> str:
    if _holders(office, row) or _today(now) > plazos.last_day(_day(row), row.rfc_emisor):
        return "No cancelable"
    consent = _consent(row, now, refused_before=False)
    return "Cancelable con aceptación" if consent.needed else "Cancelable sin aceptación"


def _consent(row: StampRow, now: datetime, *, refused_before: bool) -> plazos.Acceptance:
    return plazos.acceptance(
        tipo=row.tipo,
        total=Decimal(row.total or "0"),
        receptor_rfc=row.rfc_receptor,
        issued_on=_day(row),
        today=_today(now),
        refused_before=refused_before,
    )


def _holders(office: Office, row: StampRow) -> list[str]:
    """Live documents that must be cancelled first: notas de crédito, complementos… but not the substitute."""
    return [
        uuid
        for uuid, kind in office.state.referring(row.uuid)
        if kind != SUBSTITUTE and (found := office.state.by_uuid(uuid)) is not None and found.estado == "Vigente"
    ]


def _day(row: StampRow) -> date:
    return row.stamped_at.astimezone(CENTRAL).date()


def _today(now: datetime) -> date:
    return now.astimezone(CENTRAL).date()
