"""Another system with a key: each method is one request and returns the answer."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any

from django.test import Client

from emite.accounts.models import User
from emite.integrations.keys import create_key
from emite.integrations.models import Scope
from tests import make
from tests.practice import Practice

LINE = {
    "description": "Consulta de especialidad",
    "clave_prod_serv": "85121600",
    "clave_unidad": "E48",
    "treatment": "iva16",
    "quantity": "1",
    "unit_price": "1000.00",
}
CHARGE: dict[str, Any] = {"lines": [LINE]}
SERVICE = {
    "patient_name": "Ana Torres Luna",
    "rendered_on": "2026-11-20",
    "code": "99213",
    "payer": "SCE050620LQ5",
    "fee": "900.00",
    "patient_part": "250.00",
}
APPOINTMENT = {name: value for name, value in SERVICE.items() if name != "rendered_on"} | {
    "at": "2026-12-01T10:30:00-06:00"
}
RECEPTOR = {
    "rfc": "XOJI740919U48",
    "nombre": "INGRID XODAR JIMENEZ",
    "domicilio_fiscal": "76028",
    "regimen_fiscal": "605",
    "uso_cfdi": "D01",
}


class System:
    """A program that calls /api/v1 with one key."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.client = Client(raise_request_exception=False, HTTP_HOST="127.0.0.1")

    @classmethod
    def of(cls, hospital: make.Hospital, *scopes: str, user: User | None = None) -> System:
        _, token = create_key(
            hospital.organization,
            name="HIS",
            user=user or hospital.biller,
            scopes=scopes or Scope.values,
            life=dt.timedelta(days=30),
            by=hospital.admin,
            now=make.now(),
        )
        return cls(token)

    @classmethod
    def at(cls, practice: Practice) -> System:
        """The agenda of a practice, with every scope."""
        _, token = create_key(
            practice.organization, name="Agenda", user=practice.admin, scopes=Scope.values, life=dt.timedelta(days=30),
            by=practice.admin, now=make.now(),
        )  # fmt: skip
        return cls(token)

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"/api/v1/{path}", query, headers=self.headers)

    def post(self, path: str, body: Any, *, key: str = "", raw: bytes | None = None, **headers: str) -> Any:
        return self.client.post(
            f"/api/v1/{path}",
            json.dumps(body).encode() if raw is None else raw,
            content_type=headers.pop("content_type", "application/json"),
            headers={**self.headers, "Idempotency-Key": key or str(uuid.uuid4()), **headers},
        )

    def charge(self, *, key: str = "", **over: Any) -> Any:
        return self.post("charges", CHARGE | over, key=key)

    def paid(self, forma_pago: str = "04", **over: Any) -> str:
        """The id of a charge that is paid."""
        made = self.charge(**over).json()
        paid = self.post(
            f"charges/{made['id']}/payments", {"parts": [{"forma_pago": forma_pago, "amount": made["owed"]}]}
        )
        assert paid.status_code == 201, paid.content
        return str(made["id"])


def problem(response: Any, status: int, code: str) -> Any:
    """The problem of an answer, whose status and code are as expected."""
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json"), response.content
    body = response.json()
    assert (body["status"], body["code"]) == (status, code), body
    return body


def fields(body: Any) -> list[str]:
    return [error["field"] for error in body["errors"]]
