"""The page of keys and webhooks: a secret is shown once, only an administrator of the organization acts."""

from __future__ import annotations

import re
from typing import Any

import pytest

from emite.integrations.models import ApiKey, WebhookDelivery, WebhookEndpoint
from emite.integrations.publishing import publish
from tests import make
from tests.web.desk.staff import Person, audited, said

pytestmark = pytest.mark.django_db


def key(admin: Person, hospital: make.Hospital, **over: Any) -> Any:
    data = {"name": "HIS", "user": str(hospital.biller.pk), "scopes": ["charges:read", "charges:write"], "life": "90"}
    return admin.post("key_add", **data | over)


def test_a_key_is_shown_once_and_works(admin: Person, hospital: make.Hospital) -> None:
    shown = key(admin, hospital)

    token = re.search(r"emite_[a-z2-7]{12}_[\w-]{43}", shown.content.decode())
    assert token is not None
    answer = admin.client.get("/api/v1/charges", headers={"authorization": f"Bearer {token[0]}"})
    assert answer.status_code == 200
    later = admin.get("integrations").content.decode()
    assert token[0] not in later
    assert "HIS" in later
    assert shown["Cache-Control"].count("no-store")

    admin.post("key_drop", ApiKey.objects.get().pk)
    gone = admin.client.get("/api/v1/charges", headers={"authorization": f"Bearer {token[0]}"})
    assert gone.status_code == 401
    assert len(audited(hospital.organization, "api_key.create")) == 1
    assert len(audited(hospital.organization, "api_key.revoke")) == 1


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ({"name": ""}, "Escriba qué sistema"),
        ({"user": ""}, "Elija a la persona"),
        ({"scopes": []}, "Elija al menos un permiso"),
        ({"life": "9999"}, "válida"),
    ],
)
def test_what_is_missing_is_told(admin: Person, hospital: make.Hospital, over: dict[str, Any], words: str) -> None:
    response = key(admin, hospital, **over)

    assert response.status_code == 422
    assert words in said(response)
    assert not ApiKey.objects.exists()


def test_a_cashier_cannot_lend_a_permission_they_lack(admin: Person, hospital: make.Hospital) -> None:
    response = key(admin, hospital, user=str(hospital.cashier.pk), scopes=["invoices:write"])

    assert "no tiene permiso de emitir" in said(response)
    stranger = make.hospital().biller
    assert key(admin, hospital, user=str(stranger.pk)).status_code == 422
    assert not ApiKey.objects.exists()


def test_an_address_its_secret_and_its_events(admin: Person, hospital: make.Hospital) -> None:
    shown = admin.post("webhook_add", url="https://his.ejemplo.mx/avisos", events=["charge.paid"])

    secret = re.search(r"whsec_[\w-]{43}", shown.content.decode())
    assert secret is not None
    assert secret[0] not in admin.get("integrations").content.decode()
    publish(hospital.organization.pk, "charge.paid", dict, now=make.now())
    delivery = WebhookDelivery.objects.get()
    WebhookDelivery.objects.update(state="failed", next_at=None, last_error="Respondió 500.", tries=9)
    assert "Respondió 500." in said(admin.get("integrations"))
    admin.post("webhook_again", delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries) == ("pending", 0)
    admin.post("webhook_drop", WebhookEndpoint.objects.get().pk)
    assert not WebhookEndpoint.objects.get().active
    assert "ya no recibe avisos" in said(admin.follow(admin.post("webhook_again", delivery.pk)))


@pytest.mark.parametrize(
    "url", ["http://his.mx/", "https://his.mx:8443/", "https://u:p@his.mx/", "javascript:alert(1)", ""]
)
def test_addresses_that_are_refused(admin: Person, url: str) -> None:
    response = admin.post("webhook_add", url=url, events=["charge.paid"])

    assert response.status_code == 422
    assert not WebhookEndpoint.objects.exists()


def test_only_administrators_and_only_their_own(admin: Person, cashier: Person, hospital: make.Hospital) -> None:
    key(admin, hospital)
    admin.post("webhook_add", url="https://his.ejemplo.mx/avisos", events=["charge.paid"])
    publish(hospital.organization.pk, "charge.paid", dict, now=make.now())
    row, endpoint, delivery = ApiKey.objects.get(), WebhookEndpoint.objects.get(), WebhookDelivery.objects.get()
    rival = Person(make.hospital().admin)

    for person, status in ((cashier, 403), (rival, 404)):
        for name, pk in (("key_drop", row.pk), ("webhook_drop", endpoint.pk), ("webhook_again", delivery.pk)):
            assert person.post(name, pk).status_code == status
    assert cashier.get("integrations").status_code == 403
    assert "HIS" not in said(rival.get("integrations"))
    row.refresh_from_db()
    endpoint.refresh_from_db()
    assert (row.revoked_at, endpoint.active) == (None, True)
