"""The API itself: its operations, its one way of refusing, its OpenAPI with every refusal in it."""

from __future__ import annotations

from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Router
from ninja.errors import ConfigError
from ninja.openapi.schema import REF_TEMPLATE, OpenAPISchema

from emite.charges.models import CashRegister
from emite.issuers.models import Issuer
from emite.organizations import branches
from emite.web.api import appointments, charges, invoices, payments, services
from emite.web.api.access import ApiRequest, read_charges
from emite.web.api.problems import MEDIA_TYPE, answer, of_exception
from emite.web.api.reading import StrictParser
from emite.web.api.schemas import ProblemOut, WhoOut

log = structlog.get_logger(__name__)

DESCRIPTION = (
    "Para el sistema que cobra: envía remisiones y pagos, recibe folio, código, enlace y QR, y sigue sus facturas. "
    "Las cantidades viajan como texto; cada POST lleva Idempotency-Key; los errores son problem details (RFC 9457)."
)
#: What any operation may answer besides its own; 413 and 415 only where there is a body.
_ALWAYS = {400: "Solicitud mal formada", 401: "Sin llave válida", 403: "La llave no alcanza", 404: "No existe",
           409: "El estado no lo permite", 422: "Hay datos que corregir", 429: "Demasiadas solicitudes",
           503: "Fuera de línea"}  # fmt: skip
_WITH_BODY = {413: "Demasiado grande", 415: "No es JSON"}


class Api(NinjaAPI):
    """ninja with our problems, in its answers and in its OpenAPI."""

    def on_exception(self, request: HttpRequest, exc: Any) -> HttpResponse:
        if isinstance(exc, ConfigError):
            raise exc
        problem = of_exception(exc)
        if problem.code == "unexpected":
            log.error("unexpected", exc_info=exc)
        else:
            log.info("refused", code=problem.code, status=problem.status)
        return answer(request, problem)

    def get_openapi_operation_id(self, operation: Any) -> str:
        module = operation.view_func.__module__.rpartition(".")[2]
        return f"{module}_{operation.view_func.__name__}"

    def get_openapi_schema(self, **kwargs: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**kwargs)
        schema["components"]["schemas"]["Problem"] = ProblemOut.model_json_schema(ref_template=REF_TEMPLATE)
        schema["components"]["schemas"] |= schema["components"]["schemas"]["Problem"].pop("$defs", {})
        for item in schema["paths"].values():
            for operation in item.values():
                self._describe(operation)
        return schema

    @staticmethod
    def _describe(operation: dict[str, Any]) -> None:
        refusals = _ALWAYS | (_WITH_BODY if "requestBody" in operation else {})
        for status, description in refusals.items():
            content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
            operation["responses"][status] = {"description": description, "content": content}


who_router = Router(tags=["Llave"])


@who_router.get("/me", response=WhoOut, auth=read_charges, summary="Quién soy")
def who(request: ApiRequest) -> Any:
    """Para comprobar la llave: a quién pertenece, qué permite, con qué emisores, cajas y sucursales."""
    key, organization = request.auth, request.organization
    return {
        "organization": organization.name,
        "user": request.user.email,
        "key": key.name,
        "scopes": key.scopes,
        "expires_at": key.expires_at,
        "issuers": list(Issuer.objects.filter(organization=organization).order_by("rfc").values_list("rfc", flat=True)),
        "registers": list(
            CashRegister.objects.filter(organization=organization, web_invoicing=False, active=True)
            .order_by("name")
            .values_list("name", flat=True)
        ),
        "branches": [branch.name for branch in branches.in_use(organization).values()],
    }


api = Api(
    title="emite",
    version="1",
    description=DESCRIPTION,
    urls_namespace="api",
    docs_url=None,
    openapi_url="/openapi.json",
    parser=StrictParser(),
)
api.add_router("", who_router)
api.add_router("", charges.router)
api.add_router("", payments.router)
api.add_router("", invoices.router)
api.add_router("", services.router)
api.add_router("", appointments.router)
