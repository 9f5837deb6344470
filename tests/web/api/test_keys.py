"""Who gets in: live keys, their scopes, their rate, their organization and nothing of another."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest

from emite.audit.models import AuditEvent
from emite.charges.models import Charge, PaymentSlip
from emite.integrations.keys import KeyRefused, create_key, find_key, revoke_key
from emite.integrations.models import ApiKey, Scope
from emite.organizations.models import Membership
from tests import make
from tests.web.api.system import APPOINTMENT, RECEPTOR, SERVICE, System, problem

pytestmark = pytest.mark.django_db

PAYMENT = {"parts": [{"forma_pago": "01", "amount": "1.00"}]}
#: Every operation on things of an organization: method, address, body, scope.
OPERATIONS = [
    ("get", "me", None, Scope.CHARGES_READ),
    ("get", "charges", None, Scope.CHARGES_READ),
    ("post", "charges", {"lines": [{"quantity": "1"}]}, Scope.CHARGES_WRITE),
    ("post", "charges/batch", {"charges": [{"lines": [{"quantity": "1"}]}]}, Scope.CHARGES_WRITE),
    ("get", "charges/{charge}", None, Scope.CHARGES_READ),
    ("post", "charges/{charge}/void", {"reason": "x"}, Scope.CHARGES_WRITE),
    ("get", "charges/{charge}/qr.svg", None, Scope.CHARGES_READ),
    ("get", "charges/{charge}/qr.png", None, Scope.CHARGES_READ),
    ("get", "charges/{charge}/ticket.pdf", None, Scope.CHARGES_READ),
    ("get", "charges/{charge}/payments", None, Scope.CHARGES_READ),
    ("post", "charges/{charge}/payments", PAYMENT, Scope.CHARGES_WRITE),
    ("post", "charges/{charge}/invoice", {"receptor": RECEPTOR}, Scope.INVOICES_WRITE),
    ("get", "invoices", None, Scope.INVOICES_READ),
    ("get", "invoices/{invoice}", None, Scope.INVOICES_READ),
    ("get", "invoices/{invoice}/xml", None, Scope.INVOICES_READ),
    ("get", "invoices/{invoice}/pdf", None, Scope.INVOICES_READ),
    ("get", "services", None, Scope.CHARGES_READ),
    ("post", "services", SERVICE, Scope.CHARGES_WRITE),
    ("post", "services/batch", {"services": [SERVICE]}, Scope.CHARGES_WRITE),
    ("get", "services/{service}", None, Scope.CHARGES_READ),
    ("post", "services/{service}/void", {"reason": "x"}, Scope.CHARGES_WRITE),
    ("get", "appointments", None, Scope.CHARGES_READ),
    ("post", "appointments", APPOINTMENT, Scope.CHARGES_WRITE),
    ("post", "appointments/batch", {"appointments": [APPOINTMENT]}, Scope.CHARGES_WRITE),
    ("get", "appointments/{service}", None, Scope.CHARGES_READ),
    ("post", "appointments/{service}/attended", {}, Scope.CHARGES_WRITE),
    ("post", "appointments/{service}/cancel", {}, Scope.CHARGES_WRITE),
]


def call(system: System, method: str, path: str, body: object, charge: object, invoice: object = None):  # type: ignore[no-untyped-def]
    path = path.format(charge=charge, invoice=invoice or uuid.uuid4(), service=uuid.uuid4())
    return system.get(path) if method == "get" else system.post(path, body)


def test_the_list_of_operations_is_whole() -> None:
    from emite.web.api.api import api

    pk = dict.fromkeys(("charge", "invoice", "service"), "{pk}")
    told = {(method, "/api/v1/" + path.format(**pk)) for method, path, _, _ in OPERATIONS}
    assert told == {(m, path) for path, item in api.get_openapi_schema()["paths"].items() for m in item}


@pytest.mark.parametrize(("method", "path", "body", "scope"), OPERATIONS)
def test_without_its_scope_an_operation_is_refused(
    hospital: make.Hospital, method: str, path: str, body: object, scope: Scope
) -> None:
    charge = make.charge(hospital)
    lacking = System.of(hospital, *[one for one in Scope.values if one != scope])

    problem(call(lacking, method, path, body, charge.pk), 403, "scope_missing")
    assert (Charge.objects.count(), PaymentSlip.objects.count()) == (1, 0)


@pytest.mark.parametrize(("method", "path", "body", "scope"), OPERATIONS)
def test_without_a_key_nothing_answers(
    hospital: make.Hospital, method: str, path: str, body: object, scope: Scope
) -> None:
    charge = make.charge(hospital)

    response = call(System("emite_aaaaaaaaaaaa_" + "A" * 43), method, path, body, charge.pk)

    problem(response, 401, "unauthorized")
    assert response["WWW-Authenticate"] == 'Bearer realm="emite"'
    assert Charge.objects.get().voided_at is None


def test_lists_show_only_ones_own(his: System, stranger: System) -> None:
    his.charge()

    assert stranger.get("charges").json() == {"items": [], "next": None}
    assert stranger.get("invoices").json() == {"items": [], "next": None}


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer emite_", "Bearer \u00f1", "Token x"])
def test_headers_that_are_no_key(his: System, header: str) -> None:
    response = his.client.get("/api/v1/me", headers={"authorization": header} if header else {})

    problem(response, 401, "unauthorized")


def test_expired_revoked_and_orphaned_keys(hospital: make.Hospital) -> None:
    now = make.now()
    key, token = create_key(
        hospital.organization, name="HIS", user=hospital.cashier, scopes=[Scope.CHARGES_READ],
        life=dt.timedelta(days=1), by=hospital.admin, now=now,
    )  # fmt: skip

    assert find_key(token, now=now) == key
    assert find_key(token, now=now + dt.timedelta(days=1)) is None
    assert find_key(token[:-1] + ("A" if token[-1] != "A" else "B"), now=now) is None
    Membership.objects.filter(user=hospital.cashier).delete()
    problem(System(token).get("me"), 401, "unauthorized")
    revoke_key(key, by=hospital.admin, now=now)
    revoke_key(key, by=hospital.admin, now=now)
    assert find_key(token, now=now) is None
    actions = AuditEvent.objects.filter(organization_id=hospital.organization.pk).values_list("action", flat=True)
    assert list(actions.order_by("position")) == ["api_key.create", "api_key.revoke"]


def test_the_secret_is_kept_nowhere(hospital: make.Hospital) -> None:
    _, token = create_key(
        hospital.organization, name="HIS", user=hospital.cashier, scopes=[Scope.CHARGES_READ],
        life=dt.timedelta(days=1), by=hospital.admin, now=make.now(),
    )  # fmt: skip

    row = ApiKey.objects.get()
    secret = token.rpartition("_")[2] if "_" not in token[19:] else token[19:]
    assert secret not in repr(vars(row))
    assert secret not in repr([vars(event) for event in AuditEvent.objects.all()])


@pytest.mark.parametrize(
    ("scopes", "who", "field"),
    [
        ([], "biller", "scopes"),
        (["todo"], "biller", "scopes"),
        ([Scope.INVOICES_WRITE], "cashier", "scopes"),
        ([Scope.CHARGES_READ], "nobody", "user"),
    ],
)
def test_keys_that_cannot_be_made(hospital: make.Hospital, scopes: list[str], who: str, field: str) -> None:
    user = make.user("Nadie") if who == "nobody" else getattr(hospital, who)

    with pytest.raises(KeyRefused) as refused:
        create_key(hospital.organization, name="HIS", user=user, scopes=scopes, life=dt.timedelta(days=1),
                   by=hospital.admin, now=make.now())  # fmt: skip
    assert refused.value.field == field
    assert not ApiKey.objects.exists()


def test_a_user_who_no_longer_may_takes_the_key_along(his: System, hospital: make.Hospital) -> None:
    Membership.objects.filter(user=hospital.biller).update(role=Membership.Role.CONSULTA, can_issue=False)

    problem(his.charge(), 403, "not_allowed")
    paid = make.paid_charge(hospital)
    problem(his.post(f"charges/{paid.pk}/invoice", {"receptor": RECEPTOR}), 403, "not_allowed")
    hospital.biller.is_active = False
    hospital.biller.save(update_fields=["is_active"])
    problem(his.get("me"), 401, "unauthorized")


def test_rate_of_a_key_and_of_wrong_keys(his: System, stranger: System) -> None:
    ApiKey.objects.update(per_minute=3)

    statuses = [his.get("me").status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    slow = his.get("me")
    assert problem(slow, 429, "too_many_requests")
    assert 1 <= int(slow["Retry-After"]) <= 60
    assert stranger.get("me").status_code == 200
    wrong = System("emite_aaaaaaaaaaaa_" + "A" * 43)
    assert [wrong.get("me").status_code for _ in range(31)].count(429) == 1


def test_me_says_what_the_key_is_for(his: System, hospital: make.Hospital) -> None:
    body = his.get("me").json()

    assert body["organization"] == "Hospital San Telmo"
    assert (body["user"], body["issuers"], body["registers"]) == (
        hospital.biller.email,
        [make.HOSPITAL_RFC],
        ["Caja 1"],
    )
    assert set(body["scopes"]) == set(Scope.values)
    assert ApiKey.objects.get().last_used_at is not None
