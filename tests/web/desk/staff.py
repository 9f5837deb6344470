"""People of the staff with a browser, and what a page says without its markup."""

from __future__ import annotations

import re
import uuid
from html import unescape
from typing import Any

from django.test import Client
from django.urls import reverse

from emite.accounts.models import User
from emite.audit.models import AuditEvent
from emite.chargemaster.models import ChargeItem
from emite.charges.models import Charge
from emite.organizations.models import Membership, Organization
from tests import make

#: A free line that can be charged, as the form sends it.
LINE = {
    "code": "",
    "description": "Consulta de especialidad",
    "quantity": "1",
    "unit_price": "1000.00",
    "price_mode": "sin",
    "discount": "",
    "clave_prod_serv": "85121600",
    "clave_unidad": "E48",
    "treatment": "iva16",
}


class Person:
    """Somebody logged in. Exceptions become pages, as they do for people."""

    def __init__(self, user: User | None = None) -> None:
        self.user = user
        self.client = Client(raise_request_exception=False, HTTP_HOST="127.0.0.1")
        if user is not None:
            self.client.force_login(user)

    def get(self, name: str, /, *args: Any, **query: Any) -> Any:
        return self.client.get(reverse(f"desk:{name}", args=args), query)

    def post(self, name: str, /, *args: Any, **data: Any) -> Any:
        return self.client.post(reverse(f"desk:{name}", args=args), data)

    def follow(self, response: Any) -> Any:
        assert response.status_code == 302, said(response)
        return self.client.get(response["Location"])

    def write(self, *lines: dict[str, str], action: str = "guardar", **over: str) -> Any:
        """Post the form of a new remisión."""
        data = {"filas": str(len(lines)), "accion": action, "clave_envio": str(uuid.uuid4()), **over}
        for index, line in enumerate(lines):
            data |= {f"l{index}-{name}": value for name, value in {**LINE, **line}.items()}
        return self.client.post(reverse("desk:new_charge"), data)

    def pay(self, charge: Charge, register: Any, **over: str) -> Any:
        data = {
            "forma_pago": "01",
            "amount": str(charge.owed),
            "register": str(register.pk),
            "key": str(uuid.uuid4()),
        }
        return self.client.post(reverse("desk:pay", args=[charge.pk]), {**data, **over})


def member(organization: Organization, role: str, *, can_issue: bool = False, name: str = "Diego") -> Person:
    user = make.user(name)
    Membership.objects.create(organization=organization, user=user, role=role, can_issue=can_issue)
    return Person(user)


def item(organization: Organization, **over: Any) -> ChargeItem:
    fields = {
        "code": "URG-01",
        "description": "Atención en urgencias",
        "clave_prod_serv": "85101501",
        "clave_unidad": "E48",
        "treatment": "iva16",
        "unit_price": "1850",
    }
    return ChargeItem.objects.create(organization=organization, **{**fields, **over})


def audited(organization: Organization, action: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(organization_id=organization.pk, action=action).order_by("position"))


def said(response: Any) -> str:
    """What a page says, without its markup."""
    text = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())


__all__ = ["LINE", "Person", "audited", "item", "member", "said"]
