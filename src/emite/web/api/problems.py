"""Every refusal of the API as RFC 9457 problem details: a stable code, Spanish words, and which field to mend.

The domain's exceptions are mapped here once; pages for people are in `web.errors`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, InternalError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from ninja.errors import AuthenticationError, HttpError, ValidationError

from emite.care.rendering import ServiceRefused
from emite.cfdi.faults import CfdiInvalid, Fault
from emite.charges.allocating import AlreadyAllocated
from emite.charges.charging import ChargeInUse, DuplicateExternalId
from emite.charges.collecting import PaymentRefused
from emite.charges.pricing import LineRefused
from emite.database import standby
from emite.documents.sealing import NotReady
from emite.integrations.repeating import AnotherRequest, InFlight
from emite.invoices.issuing import AlreadyInvoiced, NotAllowed, NotInvoiceable
from emite.invoices.refusals import ANTICIPOS
from emite.typeset.process import TypesetFailed
from emite.web.fiscal import FIELD_OF

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"

#: code: (status, title). Codes are a promise to other systems: they are added, never changed.
CODES: Mapping[str, tuple[int, str]] = {
    "bad_json": (400, "El cuerpo no es JSON"),
    "bad_request": (400, "No se entendió la solicitud"),
    "unauthorized": (401, "Falta una llave válida"),
    "scope_missing": (403, "La llave no tiene ese permiso"),
    "not_allowed": (403, "El usuario de la llave no puede hacer esto"),
    "not_found": (404, "No existe"),
    "method_not_allowed": (405, "Esta dirección no acepta ese método"),
    "in_flight": (409, "La misma solicitud todavía se está atendiendo"),
    "duplicate_external_id": (409, "Ya hay una remisión, un servicio o una cita con ese external_id"),
    "already_invoiced": (409, "La remisión ya tiene factura"),
    "not_invoiceable": (409, "La remisión no se puede facturar"),
    "charge_in_use": (409, "La remisión no se puede cancelar"),
    "charge_void": (409, "La remisión está cancelada"),
    "service_in_use": (409, "El servicio no se puede cambiar así"),
    "appointment_settled": (409, "La cita ya no se puede cambiar así"),
    "portal_off": (409, "El portal está apagado"),
    "not_stamped": (409, "La factura todavía no está timbrada"),
    "too_large": (413, "El cuerpo es demasiado grande"),
    "not_json": (415, "El cuerpo debe ser application/json"),
    "invalid": (422, "Hay datos que corregir"),
    "line_refused": (422, "Una línea no se puede cobrar"),
    "payment_refused": (422, "El pago no se puede registrar"),
    "sat_rules": (422, "El SAT no aceptaría esta factura"),
    "key_reused": (422, "La Idempotency-Key ya se usó con otros datos"),
    "too_many_requests": (429, "Demasiadas solicitudes"),
    "unexpected": (500, "Algo falló de nuestro lado"),
    "not_ready": (503, "Falta configuración para facturar"),
    "unavailable": (503, "Fuera de línea por un momento"),
    "only_reading": (503, "Por ahora solo se puede consultar"),
    "pdf_unavailable": (503, "El PDF no se pudo dibujar en este momento"),
}
_OF_STATUS = {400: "bad_request", 401: "unauthorized", 403: "not_allowed", 404: "not_found", 405: "method_not_allowed",
              413: "too_large", 415: "not_json", 422: "invalid", 429: "too_many_requests",
              503: "unavailable"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing to mend: where, SAT's code or ours, what to do."""

    field: str
    code: str
    message: str


@dataclass(eq=False)
class Problem(Exception):
    """A refusal. `code` is one of CODES; `more` are further members of the answer."""

    code: str
    detail: str
    errors: Sequence[Wrong] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return CODES[self.code][0]

    def body(self, reference: str = "") -> dict[str, Any]:
        """The members of RFC 9457, `code`, `errors` and the reference that people can dictate."""
        return {
            "type": f"{settings.EMITE_URL}/api/v1/docs#problema-{self.code}",
            "title": CODES[self.code][1],
            "status": self.status,
            "detail": self.detail,
            **({"instance": f"urn:emite:{reference}"} if reference else {}),
            "code": self.code,
            "errors": [{"field": one.field, "code": one.code, "message": one.message} for one in self.errors],
            **self.more,
        }


def answer(request: HttpRequest, problem: Problem) -> HttpResponse:
    """The problem as an HTTP answer."""
    body = json.dumps(problem.body(getattr(request, "reference", "")), ensure_ascii=False)
    response = HttpResponse(body, status=problem.status, content_type=MEDIA_TYPE, headers=dict(problem.headers))
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def of_status(status: int, detail: str = "") -> Problem:
    """The problem for an answer that only has a status."""
    code = _OF_STATUS.get(status, "unexpected" if status >= 500 else "bad_request")
    return Problem(code, detail or f"{CODES[code][1]}.")


def of_exception(error: Exception) -> Problem:
    """What an exception means to the system that asked; "unexpected" for what nobody foresaw."""
    if isinstance(error, Problem):
        return error
    for kind, make in _MAKERS:
        if isinstance(error, kind):
            return make(error)
    return _unexpected()


def _unexpected() -> Problem:
    return Problem(
        "unexpected", "No se guardó nada. Repita la solicitud con la misma Idempotency-Key; si sigue, dé la referencia."
    )


def _duplicate(error: DuplicateExternalId) -> Problem:
    words = f"La remisión {error.charge} ya tiene el external_id {error.external_id}."
    return Problem("duplicate_external_id", words, [Wrong("external_id", "duplicate", words)],
                   more={"charge": str(error.charge)})  # fmt: skip


def _line(error: LineRefused) -> Problem:
    wrong = Wrong(f"lines[{error.position - 1}].{error.field}", "refused", error.message)
    return Problem("line_refused", f"Línea {error.position}: {error.message}", [wrong])


def _service(error: ServiceRefused) -> Problem:
    if error.field == "external_id":
        return Problem("duplicate_external_id", error.message, [Wrong("external_id", "duplicate", error.message)])
    if not error.field:
        return Problem("service_in_use", error.message)
    name = {"issuer": "issuer_rfc", "contract": "plan"}.get(error.field, error.field)
    return Problem("invalid", f"{name}: {error.message}", [Wrong(name, "refused", error.message)])


def _payment(error: PaymentRefused) -> Problem:
    name = "cash_register" if error.field == "register" else error.field
    return Problem("payment_refused", error.message, [Wrong(name, "refused", error.message)])


def _sat(error: CfdiInvalid) -> Problem:
    wrong = [Wrong(_field(fault), fault.code, fault.message) for fault in error.faults]
    return Problem("sat_rules", " ".join(fault.message for fault in error.faults), wrong)


def _field(fault: Fault) -> str:
    name = FIELD_OF.get(fault.xpath.rpartition("/")[2]) if "Receptor" in fault.xpath else None
    return f"receptor.{name}" if name else fault.xpath


def _not_invoiceable(error: NotInvoiceable) -> Problem:
    words = ANTICIPOS | {
        "void": "La remisión está cancelada.",
        "unpaid": "La remisión todavía no se paga por completo.",
    }
    return Problem("not_invoiceable", words.get(error.reason, f"Motivo: {error.reason}."))


def _http(error: HttpError) -> Problem:
    cause = error.__cause__
    if isinstance(cause, Problem):
        return cause
    if error.status_code == 400:
        return Problem("bad_json", "El cuerpo no es JSON: revise comas, comillas y que vaya en UTF-8.")
    return of_status(error.status_code)


def _invalid(error: ValidationError) -> Problem:
    wrong = [_wrong(one) for one in error.errors]
    return Problem("invalid", f"{wrong[0].field}: {wrong[0].message}" if wrong else "Hay datos que corregir.", wrong)


#: pydantic's kind of error, in words; {names} come from its context.
_WORDS = {
    "missing": "Falta este campo.",
    "extra_forbidden": "Este campo no existe en la API: quítelo.",
    "string_too_long": "Use a lo más {max_length} caracteres.",
    "string_too_short": "Use al menos {min_length} caracteres.",
    "string_pattern_mismatch": "El texto no tiene la forma que se pide.",
    "string_unicode": "El texto lleva caracteres que no son Unicode.",
    "too_long": "Envíe a lo más {max_length} elementos.",
    "too_short": "Envíe al menos {min_length} elementos.",
    "literal_error": "Use uno de: {expected}.",
    "enum": "Use uno de: {expected}.",
    "less_than_equal": "Debe ser {le} o menos.",
    "greater_than_equal": "Debe ser {ge} o más.",
}
_KINDS = {
    "string": "Debe ser texto.", "int": "Debe ser un número entero.", "bool": "Debe ser true o false.",
    "uuid": "Debe ser un identificador UUID.", "date": "Debe ser una fecha AAAA-MM-DD.",
    "list": "Debe ser una lista.", "model": "Debe ser un objeto.", "dict": "Debe ser un objeto.",
}  # fmt: skip
MONEY = 'Escriba la cantidad como texto con punto decimal, por ejemplo "1160.00"; nunca como número de JSON.'
_MONEY_FIELDS = {"quantity", "unit_price", "discount", "amount", "cash_received"}


def _wrong(error: Mapping[str, Any]) -> Wrong:
    loc, kind = list(error["loc"]), str(error["type"])
    name = _path(loc)
    if loc and loc[-1] in _MONEY_FIELDS and kind in ("string_type", "string_pattern_mismatch"):
        return Wrong(name, kind, MONEY if kind == "string_type" else
                     "Solo cifras y un punto, sin signo ni comas, por ejemplo \"1160.00\".")  # fmt: skip
    words = _WORDS.get(kind) or _KINDS.get(kind.split("_")[0], "El valor no es válido.")
    return Wrong(name, kind, words.format_map(_Context(error.get("ctx") or {})))


class _Context(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


def _path(loc: Sequence[Any]) -> str:
    """`lines[0].unit_price` from ("body", "payload", "lines", 0, "unit_price")."""
    if loc and loc[0] == "header":
        return str(loc[-1]).replace("_", "-").title()
    parts = loc[2:] if loc and loc[0] == "body" else loc[1:]
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.lstrip(".")


def _away(error: Exception) -> Problem:
    log.error("database_away", exc_info=error)
    return Problem("unavailable", "La base de datos no responde: repita pronto.", headers={"Retry-After": "5"})


def _internal(error: InternalError) -> Problem:
    if not standby.refused_to_write(error):
        return _unexpected()
    words = "No se guardó nada: la base de datos solo se puede leer. Repita con la misma Idempotency-Key más tarde."
    return Problem("only_reading", words, headers={"Retry-After": "120"})


_MAKERS: Sequence[tuple[type[Exception], Callable[[Any], Problem]]] = (
    (ValidationError, _invalid),
    (AuthenticationError, lambda _: Problem("unauthorized", "Envíe Authorization: Bearer con una llave vigente.",
                                            headers={"WWW-Authenticate": 'Bearer realm="emite"'})),
    (HttpError, _http),
    (Http404, lambda _: Problem("not_found", "No existe, o no es de su organización.")),
    (RequestDataTooBig, lambda _: Problem("too_large", "El cuerpo pasa de 2 MB: divida el lote.")),
    (InFlight, lambda _: Problem("in_flight", "Espere un segundo y repita con la misma Idempotency-Key.",
                                 headers={"Retry-After": "1"})),
    (AnotherRequest, lambda _: Problem("key_reused", "Use una Idempotency-Key nueva para una solicitud distinta.",
                                       [Wrong("Idempotency-Key", "reused", "Ya se usó con otros datos.")])),
    (DuplicateExternalId, _duplicate),
    (LineRefused, _line),
    (ServiceRefused, _service),
    (PaymentRefused, _payment),
    (CfdiInvalid, _sat),
    (NotAllowed, lambda _: Problem("not_allowed", "El usuario de la llave no tiene permiso de emitir facturas.")),
    (AlreadyInvoiced, lambda _: Problem("already_invoiced", "Una remisión tiene una sola factura: consúltela.")),
    (AlreadyAllocated, lambda _: Problem("already_invoiced", "Una remisión tiene una sola factura: consúltela.")),
    (NotInvoiceable, _not_invoiceable),
    (ChargeInUse, lambda error: Problem("charge_in_use", str(error))),
    (NotReady, lambda error: Problem("not_ready", str(error))),
    (TypesetFailed, lambda _: Problem("pdf_unavailable", "Repita en un minuto.", headers={"Retry-After": "60"})),
    (OperationalError, _away),
    (InterfaceError, _away),
    (InternalError, _internal),
)  # fmt: skip
