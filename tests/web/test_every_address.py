"""Every address of the URLconf, asked by everybody who has no business there: nothing of another organization is told.

Made from the URLconf: an address whose rows are not named here fails. What each role may do at home is asked
in desk/test_access.py and setup/test_setup.py.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from emite.care import agenda
from emite.care.models import Contract
from emite.care.rendering import Rendered
from emite.evidence.models import PayerWord
from emite.issuers import fiscal
from emite.organizations.models import Invitation, Membership, PortalActivation
from emite.reviews.models import PayerPayment, PayerShare, ReceivedComplement, ReceivedInvoice
from emite.settlements.models import ReceivedPayment
from emite.web.access import PROVED
from tests import make
from tests import practice as stand
from tests.payer import insurer
from tests.payer import row as received
from tests.web.api.system import System
from tests.web.api.test_keys import OPERATIONS
from tests.web.desk.staff import Person, member, said
from tests.web.desk.test_access import addresses as desk_addresses
from tests.web.desk.test_access import asked_of_us

pytestmark = pytest.mark.django_db

Role = Membership.Role
PATIENT = "Xiomara Quetzal Zavala"
#: What can be asked about one payment's complement.
COMPLEMENTS = (
    "receivable", "complement",
    *(
        f"complement_{act}"
        for act in (
            "issue", "progress", "mail", "deliver", "external", "undo", "xml", "pdf", "cancel", "substitute", "decide",
        )
    ),
)  # fmt: skip
#: Which row the `pk` of an address is, for those outside the desk (which names its own).
ROWS = {
    "setup:person": "person", "setup:person_deactivate": "person", "setup:person_second_step": "person",
    "setup:invitation_resend": "invitation", "setup:invitation_revoke": "invitation",
    "support:activation": "activation", "support:receiving": "insurer", "login:reset": "person",
    "practice:word_file": "word", "practice:answer": "asked_of_us", "practice:answer_acuse": "asked_of_us",
    **{f"practice:{name}": "appointment" for name in ("appointment", "appointment_attended", "appointment_cancel")},
    **{f"practice:{name}": "transfer" for name in ("transfer", "transfer_file")},
    **{f"practice:{name}": "transfer" for name in COMPLEMENTS},
    "insurer:undo": "payer_payment", "insurer:complement_xml": "complement", "insurer:credit_xml": "complement",
    **{f"practice:glosa_{act}": "word" for act in ("cancel", "xml", "pdf")},
    **{
        f"insurer:{name}": "received" for name in ("invoice", "decide_one", "schedule", "ask_sat", "xml", "pdf")
    },
    "practice:account_retire": "account", "practice:contract": "contract", "practice:physician": "physician",
    **{
        f"practice:{name}": "issuer"
        for name in (
            "month", "issuer", "account_add", "key", "csd", "manifest", "manifest_proof", "withholding", "linking",
            "link_many", "link_code",
        )
    },
    **{
        f"practice:{name}": "service"
        for name in (
            "collect", "copay_ticket", "copay_ticket_pdf", "copay_print", "copay_mail", "service", "service_void",
        )
    },
    **{f"practice:{name}": "payer" for name in ("payer", "contract_add")},
    **{
        f"practice:{name}": "insurer_invoice"
        for name in (
            "invoice", "choose", "issue", "progress", "change_date", "external", "ask_sat", "discard", "cancel", "mail",
            "xml", "pdf", "word", "glosa", "substitute", "substitution_decide",
        )
    },
}  # fmt: skip
#: Addresses without a row of anybody.
PLAIN = {
    "design:static", "design:theme", "guides:index", "guides:guide", "guides:picture", "api_docs", "login:enter",
    "login:code", "login:second_step", "login:own_sessions", "login:own_password", "login:prove",
    "login:recovery_codes", "login:forgot", "login:reset_form", "login:accept", "login:invited", "login:choose",
    "login:leave", "login:left", "setup:home", "setup:activation", "setup:link", "setup:link_revoke", "setup:people",
    "setup:alarms", "setup:log", "setup:log_export", "setup:log_verify", "support:home", "support:organizations",
    "support:alarms", "support:log", "support:log_export", "support:log_verify", "portal:qr", "portal:with_slash",
    "portal:code", "portal:logo", "portal:finish", "portal:charge", "portal:data", "portal:options", "portal:help",
    "portal:invoice", "portal:late",
    "portal:progress", "portal:xml", "portal:pdf", "portal:mail", "portal:mend", "practice:home", "practice:finance",
    "practice:answers", "practice:answers_ask",
    "practice:complements", "practice:performed", "practice:invoices", "practice:register",
    "practice:register_transfer", "practice:copays", "practice:settings", "practice:ready", "practice:issuers",
    "practice:issuer_add", "practice:linking_home", "practice:services", "practice:service_add", "practice:payers",
    "practice:payer_add", "practice:physicians", "practice:physician_add", "practice:service_import",
    "practice:service_template",
    "practice:agenda", "practice:appointment_add", "practice:agenda_import", "practice:agenda_template",
    "insurer:home", "insurer:inbox", "insurer:decide", "insurer:payments", "insurer:pay", "insurer:remittance",
    "insurer:remittance_template", "insurer:ageing",
}  # fmt: skip
VALUES = {
    "code": "ABCD-EFGH",
    "number": 1,
    "kind": "csv",
    "system": "cpt4",
    "name": "caja",
    "token": "x" * 20,
    "path": "desk/desk.css",
    "colour": "0b5c63",
}


@dataclass(frozen=True)
class World:
    """A hospital with rows of every kind, the addresses of them all, and what nobody else may read."""

    hospital: make.Hospital
    addresses: dict[str, str]
    secrets: frozenset[str]


def leaves(resolver: URLResolver | None = None, namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            yield from leaves(pattern, pattern.namespace or namespace)
        else:
            name = pattern.name or getattr(pattern.callback, "__name__", "")
            yield (f"{namespace}:{name}" if namespace else name), pattern


@pytest.fixture
def world(db: None) -> World:
    hospital = make.hospital()
    charge = make.paid_charge(hospital, patient_name=PATIENT)
    code = make.code(charge)
    made = desk_addresses(hospital)
    person = Membership.objects.get(user=hospital.cashier)
    practice = stand.practice()
    service = stand.service(practice, patient_name=PATIENT)
    rows: dict[str, Model] = {
        "person": person,
        "activation": PortalActivation.objects.get(organization=hospital.organization),
        "invitation": Invitation.objects.create(
            organization=hospital.organization, email="nueva@santelmo.test", role=Role.CAJERO,
            token_hash=uuid.uuid4().bytes * 2, invited_by=hospital.admin, created_at=make.now(),
            expires_at=make.now() + dt.timedelta(days=1),
        ),
        "insurer_invoice": stand.registered(practice, service),
    }  # fmt: skip
    rows |= {"service": service, "payer": practice.payer, "issuer": practice.issuer, "physician": practice.physician}
    rows["contract"] = Contract.objects.create(
        organization=practice.organization, payer=practice.payer, issuer=practice.issuer, name="Plan"
    )
    rows["account"] = fiscal.add_account(
        practice.issuer, clabe="002010077777777771", holder=PATIENT, user=practice.admin, now=make.now()
    )
    rows["appointment"] = agenda.book(
        practice.organization,
        Rendered(
            issuer=practice.issuer, physician=practice.physician, payer=practice.payer, patient_name=PATIENT,
            rendered_on=stand.today(practice), code="99213", fee=Decimal(900),
        ),
        make.now() + dt.timedelta(hours=1), user=practice.admin, now=make.now(),
    )  # fmt: skip
    rows["word"] = PayerWord.objects.create(
        organization=practice.organization, invoice=rows["insurer_invoice"], said="received", note="Por teléfono",
        said_on=stand.today(practice), registered_by=practice.admin, registered_at=make.now(),
    )  # fmt: skip
    rows["transfer"] = ReceivedPayment.objects.create(
        organization=practice.organization, issuer=practice.issuer, payer_rfc=practice.payer.rfc, amount=1,
        forma_pago="03", paid_at=make.now(), registered_at=make.now(), idempotency_key="x",
    )  # fmt: skip
    rows["asked_of_us"] = asked_of_us(practice)
    payer = insurer()
    rows["insurer"] = payer.organization
    rows["received"] = received(payer.organization)
    payment = {"supplier": rows["received"].supplier, "rfc_emisor": rows["received"].rfc_emisor, "amount": 1}
    ReceivedInvoice.objects.filter(pk=rows["received"].pk).update(state="approved")
    rows["payer_payment"] = PayerPayment.objects.create(
        organization=payer.organization, registered_by=payer.treasurer, forma_pago="03", paid_at=make.now(),
        registered_at=make.now(), idempotency_key="x", **payment,
    )  # fmt: skip
    PayerShare.objects.create(
        organization=payer.organization, payment=rows["payer_payment"], invoice=rows["received"], amount=1
    )
    rows["complement"] = ReceivedComplement.objects.create(
        organization=payer.organization, supplier=practice.organization.pk, uuid=uuid.uuid4(), xml=b"<x/>",
        received_at=make.now(),
    )  # fmt: skip
    found = {}
    for key, pattern in leaves():
        if key.startswith("api:"):
            continue
        if key.startswith("desk:"):
            found[key] = made[key.removeprefix("desk:")]
        elif key == "portal:with_slash":
            found[key] = f"/f/{hospital.organization.slug}"
        else:
            values = {**VALUES, "slug": hospital.organization.slug}
            if key in ROWS:
                values["pk"] = rows[ROWS[key]].pk
            names = pattern.pattern.regex.groupindex if key == "portal:qr" or key == "design:theme" else None
            names = names or pattern.pattern.converters
            assert key in ROWS or key in PLAIN, f"{key}: diga en ROWS o PLAIN qué renglón es el de su dirección"
            found[key] = reverse(key, kwargs={name: values[name] for name in names})
    secrets = {PATIENT, code, hospital.cashier.email, hospital.admin.email, str(charge.pk), "nueva@santelmo.test"}
    return World(hospital, found, frozenset(secrets))


def owned(hospital: make.Hospital) -> list[Any]:
    """Every row of the organization, as it stands."""
    models = [model for model in apps.get_models() if any(f.attname == "organization_id" for f in model._meta.fields)]
    return [
        list(model._default_manager.filter(organization_id=hospital.organization.pk).order_by("pk").values())
        for model in models
    ]


def nobody() -> Client:
    return Person().client


def support() -> Client:
    person = Person(make.user("Oscar", is_operator=True))
    session = person.client.session
    session[PROVED] = True
    session.save()
    return person.client


def machine() -> Client:
    system = System.of(make.hospital())
    return Client(raise_request_exception=False, headers={"authorization": f"Bearer {system.token}"})


def patient() -> Client:
    """Somebody with a ticket of another hospital, and its visit under way."""
    hospital, client = make.hospital(), nobody()
    code = make.code(make.paid_charge(hospital))
    entered = client.get(reverse("portal:qr", args=[hospital.organization.slug, code]))
    assert entered["Location"] == reverse("portal:charge", args=[hospital.organization.slug])
    return client


def colleague(role: str) -> Client:
    return member(make.hospital().organization, role, can_issue=True).client


STRANGERS = {
    "nobody": nobody,
    "support": support,
    "machine": machine,
    "patient": patient,
    **{role: lambda role=role: colleague(role) for role in Role.values},
}


@pytest.mark.parametrize("who", STRANGERS)
def test_nothing_is_told_nor_changed(world: World, who: str) -> None:
    client = STRANGERS[who]()
    before = owned(world.hospital)

    # Logging out comes last.
    for key, address in sorted(world.addresses.items(), key=lambda item: item[0] == "login:leave"):
        if who == "support" and key.startswith("support:"):
            continue  # it is theirs
        for response in (client.get(address), client.post(address, {})):
            assert response.status_code < 500, (key, response.status_code)
            body = b"".join(response.streaming_content) if response.streaming else response.content
            text = body.decode(errors="replace")
            told = [secret for secret in world.secrets if secret in text and secret not in address]
            assert not told, (key, told)
            _expect(key, address, who, response)
    assert owned(world.hospital) == before


def _expect(key: str, address: str, who: str, response: Any) -> None:
    """Where strangers are stopped: at the log-in, at the role, or as before a thing that does not exist."""
    space = key.partition(":")[0]
    if space not in ("desk", "setup", "support", "practice", "insurer") or response.status_code == 405:
        return
    if who in ("nobody", "machine", "patient"):
        assert (response.status_code, response["Location"][:8]) == (302, "/entrar/"), key
    elif space == "support" or who == "support":
        assert response.status_code == 403, key
    elif _ID.search(address):
        assert response.status_code in (403, 404) or _list_without_it(response), (key, response.status_code)


def _list_without_it(response: Any) -> bool:
    """Sent back to one's own list, as for a person or an invitation that is not there any more."""
    return response.status_code == 302 and response["Location"] == reverse("setup:people")


_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def test_what_is_of_others_answers_as_what_does_not_exist(world: World) -> None:
    client = Person(make.hospital().admin).client
    asked = 0
    for key, address in world.addresses.items():
        if not _ID.search(address) or key.partition(":")[0] not in ("desk", "setup"):
            continue
        unknown = _ID.sub(str(uuid.uuid4()), address)
        for ask in (client.get, client.post):
            foreign, missing = ask(address), ask(unknown)
            assert foreign.status_code == missing.status_code, key
            assert foreign.status_code in (404, 405) or (_list_without_it(foreign) and _list_without_it(missing)), key
            assert _same(said(foreign)) == _same(said(missing)), key
            asked += foreign.status_code == 404
    assert asked > 60


def _same(text: str) -> str:
    """Without the reference, which is new each time."""
    return re.sub(r"[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}", "", text)


def test_the_api_tells_nobody_either(world: World) -> None:
    charge = world.addresses["desk:charge"].split("/")[3]
    invoice = world.addresses["desk:resolve"].split("/")[3]
    system, session = System.of(make.hospital()), Person(world.hospital.admin).client
    before = owned(world.hospital)
    for method, path, body, _ in OPERATIONS:
        address = path.format(charge=charge, invoice=invoice, service=uuid.uuid4())
        without = getattr(session, method)(f"/api/v1/{address}")
        assert without.status_code == 401, path
        response = system.get(address) if method == "get" else system.post(address, body)
        if address != path:
            assert response.status_code == 404, path
        assert not [secret for secret in world.secrets if secret.encode() in response.content], path
    assert owned(world.hospital) == before


def test_every_operation_of_the_api_is_asked() -> None:
    routes = {str(pattern.pattern) for key, pattern in leaves() if key.startswith("api:")}
    told = {path.replace("{charge}", "<pk>").replace("{invoice}", "<pk>").replace("{service}", "<pk>")
            for _, path, _, _ in OPERATIONS}  # fmt: skip
    assert {re.sub(r"<[^>]*>", "<pk>", route) for route in routes} - told == {"", "openapi.json"}
