"""Write the price list: one service, or a whole list at once. What was charged before keeps what it carried.

Nothing is defaulted in silence: a service without its tax treatment is refused. Every change is audited.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal

from django.db import transaction

from emite.accounts.models import User
from emite.audit import record
from emite.audit.models import AuditEvent
from emite.cfdi import codes
from emite.cfdi.money import written_decimals
from emite.chargemaster.models import TREATMENT_LABELS, ChargeItem
from emite.organizations.models import Membership, Organization
from emite.organizations.permissions import Need

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\\|")
_HIGHEST = Decimal(10) ** 9


class NotAllowed(Exception):
    """Whoever asks may not change the prices of the organization."""


class ItemRefused(Exception):
    """A service cannot be kept so. `faults` says, by field, what is wrong and how to cure it."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        self.faults = faults
        super().__init__(" ".join(faults.values()))


@dataclass(frozen=True, slots=True)
class ItemInput:
    """One service of the list as somebody writes it. `unit_price` is before tax."""

    code: str
    description: str
    clave_prod_serv: str
    clave_unidad: str
    treatment: str
    unit_price: Decimal
    active: bool = True


@dataclass(frozen=True, slots=True)
class Changed:
    """How many services a list added, changed and found as they were."""

    added: int
    changed: int
    same: int


def faults_of(item: ItemInput) -> dict[str, str]:
    """What no remisión could carry, by field."""
    found = {}
    for name, text, longest in (("code", item.code, 40), ("description", item.description, 200)):
        if not text.strip():
            found[name] = "Escriba el código propio." if name == "code" else "Escriba la descripción."
        elif len(text) > longest:
            found[name] = f"Use a lo más {longest} letras."
        elif _NOT_XML.search(text):
            found[name] = "No puede llevar el signo | ni caracteres invisibles: escríbalo otra vez."
    if not codes.contains("c_ClaveProdServ", item.clave_prod_serv):
        found["clave_prod_serv"] = (
            f"«{item.clave_prod_serv[:20]}» no está en el catálogo del SAT: búsquela por palabras."
        )
    if not codes.contains("c_ClaveUnidad", item.clave_unidad):
        found["clave_unidad"] = f"«{item.clave_unidad[:20]}» no está en el catálogo del SAT: E48 es unidad de servicio."
    if item.treatment not in TREATMENT_LABELS:
        found["treatment"] = "Elija el tratamiento de IVA: de él dependen los impuestos de la factura."
    if not 0 < item.unit_price < _HIGHEST:
        found["unit_price"] = "El precio debe ser mayor que cero y menor que mil millones."
    elif written_decimals(str(item.unit_price)) > 6:
        found["unit_price"] = "Use a lo más seis decimales."
    return found


def keep(
    organization: Organization, item: ItemInput, *, pk: uuid.UUID | None, user: User, now: dt.datetime
) -> ChargeItem:
    """The service, added (`pk` None) or changed. Raises NotAllowed, ItemRefused, ChargeItem.DoesNotExist."""
    _demand(user, organization)
    faults = faults_of(item)
    with transaction.atomic():
        # Two people at once: the second waits here, and then sees what the first did.
        Organization.objects.select_for_update().only("pk").get(pk=organization.pk)
        rows = ChargeItem.objects.filter(organization=organization)
        row = rows.get(pk=pk) if pk else ChargeItem(organization=organization)
        if rows.filter(code__iexact=item.code.strip()).exclude(pk=row.pk).exists():
            faults["code"] = "Otro servicio ya tiene ese código: use uno distinto."
        if faults:
            raise ItemRefused(faults)
        before = None if pk is None else _said(row)
        _write(row, item)
        row.save(force_insert=pk is None)
        if before != _said(row):
            record(
                organization_id=organization.pk,
                actor=user.email,
                action="item.create" if pk is None else "item.change",
                subject=f"item:{row.pk}",
                before=before,
                after=_said(row),
                now=now,
            )
    return row


def keep_all(organization: Organization, items: Sequence[ItemInput], *, user: User, now: dt.datetime) -> Changed:
    """A whole list, all or nothing: known codes are changed, new ones added, the rest stays. Twice changes nothing.

    The items have no faults and no code twice (see `importing`). Raises NotAllowed.
    """
    _demand(user, organization)
    with transaction.atomic():
        Organization.objects.select_for_update().only("pk").get(pk=organization.pk)
        known = {row.code.casefold(): row for row in ChargeItem.objects.filter(organization=organization)}
        added: list[ChargeItem] = []
        changed: list[tuple[dict[str, str], ChargeItem]] = []
        for item in items:
            row = known.get(item.code.strip().casefold())
            before = _said(row) if row else None
            row = row or ChargeItem(organization=organization)
            _write(row, item)
            if before is None:
                added.append(row)
            elif before != _said(row):
                changed.append((before, row))
        ChargeItem.objects.bulk_create(added, batch_size=500)
        fields = list(ItemInput.__dataclass_fields__)
        ChargeItem.objects.bulk_update([row for _, row in changed], fields, batch_size=500)
        if added or changed:
            prices = {
                row.code: [before["unit_price"], _said(row)["unit_price"]]
                for before, row in changed
                if before["unit_price"] != _said(row)["unit_price"]
            }
            record(
                organization_id=organization.pk,
                actor=user.email,
                action="item.import",
                subject=f"organization:{organization.pk}",
                after={"added": [row.code for row in added], "changed": [row.code for _, row in changed],
                       "prices": prices},
                now=now,
            )  # fmt: skip
    return Changed(len(added), len(changed), len(items) - len(added) - len(changed))


@dataclass(frozen=True, slots=True)
class PriceChange:
    """A price that a service had until then, and the next; who changed it and when."""

    at: dt.datetime
    by: str
    before: Decimal
    after: Decimal


def price_history(row: ChargeItem, *, most: int = 20) -> list[PriceChange]:
    """The latest changes of a price, one by one or by a list, newest first: the log is their only source."""
    events = AuditEvent.objects.filter(organization_id=row.organization_id)
    own = events.filter(subject=f"item:{row.pk}", action="item.change").order_by("-position")
    lists = events.filter(
        subject=f"organization:{row.organization_id}", action="item.import", after__prices__has_key=row.code
    ).order_by("-position")
    found = [
        PriceChange(one.at, one.actor, Decimal(one.before["unit_price"]), Decimal(one.after["unit_price"]))
        for one in own[: most * 2]
        if one.before["unit_price"] != one.after["unit_price"]
    ]
    found += [PriceChange(one.at, one.actor, *map(Decimal, one.after["prices"][row.code])) for one in lists[:most]]
    return sorted(found, key=lambda change: change.at, reverse=True)[:most]


def _demand(user: User, organization: Organization) -> None:
    if not Membership.objects.who_may(Need.PRICE).filter(organization_id=organization.pk, user=user).exists():
        raise NotAllowed(user.email)


def _write(row: ChargeItem, item: ItemInput) -> None:
    for name, value in asdict(item).items():
        setattr(row, name, value.strip() if isinstance(value, str) else value)


def _said(row: ChargeItem) -> dict[str, str]:
    said = {name: str(getattr(row, name)) for name in ItemInput.__dataclass_fields__}
    return said | {"unit_price": f"{Decimal(said['unit_price']).normalize():f}"}
