"""A patient with a browser: opens the portal, types, presses. Every method is one act and returns the answer."""

from __future__ import annotations

import re
import uuid
from html import unescape
from typing import Any

from django.test import Client

from emite.charges.models import Charge
from emite.documents.models import FiscalDocument
from emite.invoices import stamping
from tests import make

#: Fiscal data of a patient with a salary, as a form sends it.
DATA = {
    "rfc": "XOJI740919U48",
    "nombre": "INGRID XODAR JIMENEZ",
    "domicilio_fiscal": "76028",
    "regimen_fiscal": "605",
    "uso_cfdi": "D01",
    "email": "",
}


class Patient:
    """One browser. `client.raise_request_exception` is off: the pages are what is tested."""

    def __init__(self, slug: str, **client: Any) -> None:
        self.slug = slug
        self.client = Client(raise_request_exception=False, HTTP_HOST="127.0.0.1", **client)

    def at(self, page: str = "") -> str:
        return f"/f/{self.slug}/{page}"

    def get(self, page: str = "", **extra: Any) -> Any:
        return self.client.get(self.at(page), **extra)

    def scan(self, charge: Charge) -> Any:
        return self.client.get(f"/q/{self.slug}/{make.code(charge)}")

    def type_code(self, code: str, **extra: Any) -> Any:
        return self.client.post(self.at(), {"codigo": code}, **extra)

    def enter(self, charge: Charge) -> Any:
        return self.type_code(make.code(charge))

    def send(self, *, key: str = "", **over: Any) -> Any:
        return self.client.post(self.at("datos/"), {**DATA, "llave": key or uuid.uuid4().hex, **over})

    def follow(self, response: Any) -> Any:
        return self.client.get(response["Location"])

    def invoice(self, charge: Charge, **over: Any) -> FiscalDocument:
        """The whole road up to a stamped invoice."""
        self.enter(charge)
        answer = self.send(**over)
        assert answer.status_code == 303, said(answer)
        return drive(charge)


def drive(charge: Charge) -> FiscalDocument:
    """What the worker does with the charge's last document."""
    document = FiscalDocument.objects.filter(allocations__charge=charge).latest("created_at")
    stamping.drive(document.pk, owner="test:1", clock=make.now)
    document.refresh_from_db()
    return document


def said(response: Any) -> str:
    """What a page says, without its markup."""
    text = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())
