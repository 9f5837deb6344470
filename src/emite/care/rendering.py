"""Enter a service that was rendered, correct it and void it, while nobody was invoiced for it.

Its two parts come from the contract (`splitting`) unless they are typed. Collecting the patient's is `copays`.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from emite.accounts.models import User
from emite.audit import record
from emite.care.models import CareService, CodeSystem, Contract, Payer, Physician, ServiceAllocation, Tariff
from emite.care.splitting import Plan, Split, split
from emite.cfdi.money import text
from emite.charges import charging
from emite.charges.charging import ChargeInUse
from emite.issuers.models import Issuer
from emite.organizations.models import Membership, Organization
from emite.organizations.permissions import Need

#: XML 1.0, Char, and the sign that SAT's cadena is built with.
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\\|")
_CODE: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._\-/]{0,19}")
#: A service of longer ago is a slip of the finger.
OLDEST: Final = dt.timedelta(days=3 * 366)
HIGHEST: Final = Decimal(10) ** 9


class ServiceRefused(Exception):
    """The service cannot be kept so. `field` names the input (empty: none), the message is for people."""

    def __init__(self, field: str, message: str) -> None:
        self.field, self.message = field, message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A service as somebody tells it. Without `fee` the contract's tariff holds; without `patient_part`, its split."""

    issuer: Issuer
    physician: Physician
    payer: Payer
    patient_name: str
    rendered_on: dt.date
    code: str
    contract: Contract | None = None
    system: str = CodeSystem.CPT4
    description: str = ""
    fee: Decimal | None = None
    patient_part: Decimal | None = None
    reference: str = ""
    patient_email: str = field(default="", repr=False)
    external_id: str | None = None


def plan_of(contract: Contract | None) -> Plan:
    if contract is None:
        return Plan()
    return Plan(contract.deductible, contract.copay, contract.coinsurance)


def parts_of(organization: Organization, asked: Rendered) -> tuple[Decimal, Split]:
    """Fee and parts of a service as told. Raises ServiceRefused."""
    fee = asked.fee
    if fee is None and asked.contract is not None:
        rows = Tariff.objects.filter(organization=organization, contract=asked.contract)
        fee = rows.filter(system=asked.system, code=asked.code.strip()).values_list("fee", flat=True).first()
    if fee is None:
        raise ServiceRefused("fee", "Escriba el honorario: el plan no tiene tarifa para ese código.")
    _check_amount("fee", fee, "El honorario")
    if not fee:
        raise ServiceRefused("fee", "El honorario debe ser mayor que cero.")
    if asked.patient_part is None:
        return fee, split(fee, plan_of(asked.contract))
    _check_amount("patient_part", asked.patient_part, "La parte del paciente")
    if asked.patient_part > fee:
        raise ServiceRefused("patient_part", f"El paciente no paga más que el honorario, ${fee:,.2f}.")
    return fee, Split(asked.patient_part, fee - asked.patient_part)


def _check_amount(name: str, value: Decimal, said: str) -> None:
    if value < 0 or value >= HIGHEST:
        raise ServiceRefused(name, f"{said} no puede ser negativo ni llegar a mil millones.")
    if value != value.quantize(Decimal("0.01")):
        raise ServiceRefused(name, f"{said} lleva a lo más dos decimales.")


def enter(organization: Organization, asked: Rendered, *, user: User, now: dt.datetime) -> CareService:
    """A new service. Raises ServiceRefused; nothing is stored then."""
    require(organization, user)
    made = prepared(organization, asked, user=user, now=now)
    try:
        with transaction.atomic():
            made.save(force_insert=True)
            _note(made, "enter", user, now, None, _told(made))
    except IntegrityError:
        taken = asked.external_id and CareService.objects.filter(
            organization=organization, external_id=asked.external_id
        )
        if not taken or not taken.exists():
            raise
        raise ServiceRefused("external_id", f"El folio {asked.external_id} ya se había registrado.") from None
    return made


def prepared(organization: Organization, asked: Rendered, *, user: User, now: dt.datetime) -> CareService:
    """The row, checked and not saved. Raises ServiceRefused."""
    made = CareService(organization=organization, created_by=user, created_at=now, external_id=asked.external_id)
    _fill(made, organization, asked, now)
    return made


def change(service: CareService, asked: Rendered, *, user: User, now: dt.datetime) -> CareService:
    """Correct it while no invoice has it and nothing was collected for it. Raises ServiceRefused."""
    organization = service.organization
    require(organization, user)
    with transaction.atomic():
        held = _held(service)
        before = _told(held)
        if held.charge_id is not None:
            raise ServiceRefused("", "Su copago ya está en caja: cancele primero el cobro.")
        _fill(held, organization, asked, now)
        held.save()
        _note(held, "change", user, now, before, _told(held))
    return held


def void(service: CareService, *, reason: str, user: User, now: dt.datetime) -> CareService:
    """It was not rendered after all. Its unpaid copay goes with it. Raises ServiceRefused. Twice changes nothing."""
    require(service.organization, user)
    if not reason.strip():
        raise ServiceRefused("reason", "Escriba por qué se anula.")
    with transaction.atomic():
        held = _held(service, also_void=True)
        if held.state == CareService.State.VOID:
            return held
        if held.charge is not None:
            try:
                charging.void(held.charge, user=user, reason=reason, now=now)
            except ChargeInUse as error:
                raise ServiceRefused("", "Su copago ya se cobró o se facturó: devuélvalo primero.") from error
        held.state, held.void_reason = CareService.State.VOID, reason.strip()[:200]
        held.save(update_fields=["state", "void_reason"])
        _note(held, "void", user, now, None, {"reason": held.void_reason})
    return held


def require(organization: Organization, user: User) -> None:
    """Whoever may collect may also enter what is collected."""
    if not Membership.objects.who_may(Need.COLLECT).filter(organization=organization, user=user).exists():
        raise ServiceRefused("", "Su papel es de consulta: no registra servicios ni cobros.")


def _held(service: CareService, *, also_void: bool = False) -> CareService:
    rows = CareService.objects.select_for_update(of=("self",)).select_related("charge", "organization")
    held = rows.get(organization_id=service.organization_id, pk=service.pk)
    if held.state == CareService.State.VOID and not also_void:
        raise ServiceRefused("", "El servicio está anulado.")
    taken = ServiceAllocation.objects.select_related("invoice").filter(service=held, active=True).first()
    if taken is not None:
        raise ServiceRefused("", f"El servicio está en la factura {taken.invoice.control_number}: quítelo de ella.")
    return held


def _fill(row: CareService, organization: Organization, asked: Rendered, now: dt.datetime) -> None:
    """What was told, checked, on the row."""
    _own(organization, asked)
    patient = _clean("patient_name", "El nombre del paciente", asked.patient_name, 200)
    if len(patient) < 3:
        raise ServiceRefused("patient_name", "Escriba el nombre del paciente.")
    code = asked.code.strip()
    if not _CODE.fullmatch(code):
        raise ServiceRefused("code", "Escriba el código del servicio: letras y números, sin espacios.")
    if asked.system not in CodeSystem.values:
        raise ServiceRefused("system", "Elija CPT4 o códigos propios.")
    today = organization.local_date(now)
    if asked.rendered_on > today:
        raise ServiceRefused("rendered_on", "La fecha del servicio no puede ser futura.")
    if asked.rendered_on < today - OLDEST:
        raise ServiceRefused("rendered_on", "La fecha del servicio es de hace más de tres años: revísela.")
    row.issuer, row.physician, row.payer, row.contract = asked.issuer, asked.physician, asked.payer, asked.contract
    row.patient_name, row.patient_email = patient, _address(asked.patient_email)
    row.rendered_on, row.system, row.code = asked.rendered_on, asked.system, code
    row.description = _clean("description", "La descripción", asked.description, 200) or f"Servicio {code}"
    row.reference = _clean("reference", "La autorización", asked.reference, 60)
    row.fee, parts = parts_of(organization, asked)
    row.patient_part, row.payer_part = parts.patient, parts.payer


def _address(typed: str) -> str:
    found = typed.strip()
    try:
        if found:
            validate_email(found)
    except ValidationError:
        raise ServiceRefused("patient_email", "escriba una dirección como ana@correo.mx, o déjela vacía.") from None
    return found


def _own(organization: Organization, asked: Rendered) -> None:
    for name, each in (
        ("issuer", asked.issuer), ("physician", asked.physician), ("payer", asked.payer), ("contract", asked.contract),
    ):  # fmt: skip
        if each is not None and each.organization_id != organization.pk:
            raise ServiceRefused(name, "Elija uno de la lista.")
    if asked.contract is not None and asked.contract.payer_id != asked.payer.pk:
        raise ServiceRefused("contract", f"Ese plan no es de {asked.payer.name}.")


def _clean(name: str, said: str, typed: str, longest: int) -> str:
    found = " ".join(typed.split())
    if _NOT_XML.search(found):
        raise ServiceRefused(name, f"{said} no puede llevar el signo | ni caracteres invisibles.")
    if len(found) > longest:
        raise ServiceRefused(name, f"{said} tiene más de {longest} letras.")
    return found


def _told(row: CareService) -> dict[str, str]:
    """For the log: amounts and code, never who was treated."""
    return {
        "code": row.code,
        "rendered_on": row.rendered_on.isoformat(),
        "fee": text(row.fee, 2),
        "patient_part": text(row.patient_part, 2),
        "payer": str(row.payer_id),
    }


def _note(
    row: CareService, act: str, user: User, now: dt.datetime, before: dict[str, str] | None, after: dict[str, str]
) -> None:
    record(
        organization_id=row.organization_id, actor=user.email, action=f"care.{act}", subject=f"service:{row.pk}",
        before=before, after=after, now=now,
    )  # fmt: skip


def service_of(organization: Organization, pk: uuid.UUID) -> CareService | None:
    """One of the organization's, with what its pages show."""
    rows = CareService.objects.select_related("organization", "issuer", "payer", "contract", "physician", "charge")
    return rows.filter(organization=organization, pk=pk).first()
