"""Deposits: applied to an account, invoiced by path A of SAT's guide, with the egreso after it, whatever dies."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from decimal import Decimal

import pytest

from emite.cfdi import check
from emite.cfdi.taxes import Treatment
from emite.cfdi.xml import parse
from emite.charges import anticipos as taking
from emite.charges.allocating import live_document
from emite.charges.collecting import Part, pay
from emite.charges.models import AnticipoApplication, Charge
from emite.credits import anticipos
from emite.credits.anticipos import AnticipoRefused
from emite.credits.models import CreditNote
from emite.credits.originals import NotCreditable
from emite.documents.models import FiscalDocument
from emite.documents.rendering import stamped_xml
from tests import make
from tests.credits.stands import credit, drive, invoiced, sound, stamped_total
from tests.pac.sandbox import RunningSandbox

pytestmark = pytest.mark.django_db(transaction=True)

D = Decimal
CFDI = "{http://www.sat.gob.mx/cfd/4}"


@pytest.fixture
def hospital(sandbox: RunningSandbox, settings: object) -> Iterator[make.Hospital]:
    with make.behind(sandbox, settings) as made:
        yield made
    sound(made)


def deposit(hospital: make.Hospital, amount: str = "10000.00", treatment: Treatment = Treatment.IVA16) -> Charge:
    made = taking.take(
        hospital.organization, hospital.issuer, D(amount), treatment, user=hospital.cashier, now=make.now(),
        patient_name="Ana López",
    )  # fmt: skip
    collect(hospital, made, made.total)
    return made


def collect(hospital: make.Hospital, charge: Charge, amount: Decimal, form: str = "01") -> None:
    pay(charge, [Part(form, amount)], register=hospital.register, user=hospital.cashier, now=make.now())


def account(hospital: make.Hospital, *prices: str, treatment: Treatment = Treatment.IVA16) -> Charge:
    lines = [make.line(unit_price=D(price), treatment=treatment) for price in prices or ("15000", "5000")]
    return make.charge(hospital, lines)


def apply(hospital: make.Hospital, source: Charge, target: Charge, amount: str, key: str = "") -> AnticipoApplication:
    return anticipos.apply(
        source, target, D(amount), user=hospital.cashier, now=make.now(), idempotency_key=key or uuid.uuid4().hex
    )


def settle(application: AnticipoApplication) -> CreditNote:
    """What the sweep and the workers do."""
    for pk in anticipos.due(limit=99):
        anticipos.advance(pk, now=make.now())
    note = CreditNote.objects.get(application=application, active=True)
    drive(note.document_id)
    note.refresh_from_db()
    return note


def xml_of(document: FiscalDocument, sandbox: RunningSandbox) -> object:
    content = stamped_xml(document)
    authorities, signers = check.own_trust(sandbox.trust_dir)
    assert check.check_file(content, authorities=authorities, signers=signers, now=make.now()) == []
    return parse(content)


def relations(root: object) -> list[tuple[str | None, str | None]]:
    return [(node.get("TipoRelacion"), node[0].get("UUID")) for node in root.iter(f"{CFDI}CfdiRelacionados")]  # type: ignore[attr-defined]


def test_path_a_from_the_deposit_to_the_egreso(hospital: make.Hospital, sandbox: RunningSandbox) -> None:
    first, stay = deposit(hospital), account(hospital)
    assert (first.folio, first.total) == ("ANT-000001", D("10000.00"))
    with pytest.raises(AnticipoRefused, match="no tiene factura"):
        apply(hospital, first, stay, "10000.00")
    invoiced(hospital, first)
    received = live_document(first)
    root = xml_of(received, sandbox)
    (line,) = root.iter(f"{CFDI}Concepto")  # type: ignore[attr-defined]
    assert (line.get("ClaveProdServ"), line.get("ClaveUnidad"), line.get("Cantidad")) == ("84111506", "ACT", "1")
    assert line.get("Descripcion") == "Anticipo del bien o servicio"
    assert (root.get("FormaPago"), root.get("MetodoPago"), relations(root)) == ("01", "PUE", [])  # type: ignore[attr-defined]

    applied = apply(hospital, first, stay, "10000.00", key="uno")
    assert apply(hospital, first, stay, "9.00", key="uno") == applied
    stay.refresh_from_db()
    assert (stay.paid, stay.owed) == (D("10000.00"), D("13200.00"))
    collect(hospital, stay, D("3200.00"), "04")
    collect(hospital, stay, D("10000.00"), "03")
    invoiced(hospital, stay)
    whole = live_document(stay)
    root = xml_of(whole, sandbox)
    assert (root.get("FormaPago"), root.get("Total")) == ("03", "23200.00")  # type: ignore[attr-defined]
    assert relations(root) == [("07", str(received.uuid).upper())]
    with pytest.raises(NotCreditable, match="va primero"):
        credit(hospital, stay, amount=D("1.00"))

    note = settle(applied)
    root = xml_of(note.document, sandbox)
    (line,) = root.iter(f"{CFDI}Concepto")  # type: ignore[attr-defined]
    assert (line.get("Descripcion"), line.get("NoIdentificacion")) == ("Aplicación de anticipo", "ANT-000001")
    assert (root.get("TipoDeComprobante"), root.get("FormaPago"), root.get("Total")) == ("E", "30", "10000.00")  # type: ignore[attr-defined]
    assert relations(root) == [("07", str(whole.uuid).upper())]
    # What came in: the deposit and the rest
    assert stamped_total(first) + stamped_total(stay) == D("23200.00")
    assert anticipos.due(limit=9) == []
    assert settle(applied) == note
    # And everything else of the account can still be credited, to the cent
    drive(credit(hospital, stay).document_id)
    assert stamped_total(stay) == 0
