"""The practice's pages of an invoice to an insurer, by HTTP: wrong input stays as typed, strangers see nothing."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from emite.care.models import InsurerInvoice
from emite.database import tenancy
from emite.invoices import insured
from emite.organizations.models import Membership
from emite.web.access import PROVED
from emite.web.practice import glosas
from emite.web.practice.ticking import ticked
from tests import make
from tests import practice as stand
from tests.practice import Practice

pytestmark = pytest.mark.django_db


@pytest.fixture
def practice() -> Practice:
    return stand.practice()


def client(of: Practice, *, reader: bool = False) -> Client:
    browser = Client()
    browser.force_login(of.reader if reader else of.admin)
    session = browser.session
    session[PROVED] = True
    session.save()
    return browser


def period(of: Practice, **over: str) -> dict[str, str]:
    today = stand.today(of)
    asked = {"desde": (today - dt.timedelta(days=30)).isoformat(), "hasta": today.isoformat()}
    return asked | {"aseguradora": str(of.payer.pk)} | over


def form(of: Practice, **over: str) -> dict[str, str]:
    today = stand.today(of)
    fields = {
        "issuer": str(of.issuer.pk),
        "payer": str(of.payer.pk),
        "control": "A-100",
        "date": today.isoformat(),
        "period_from": (today - dt.timedelta(days=30)).isoformat(),
        "period_to": today.isoformat(),
    }
    return fields | over


def test_the_list_says_its_monto_total_and_carries_period_and_insurer_over(practice: Practice) -> None:
    for amount in ("100.00", "250.50"):
        stand.service(practice, amount)
    browser = client(practice)
    page = browser.get(reverse("practice:performed"), period(practice)).content.decode()
    assert "Monto total de servicios" in page
    assert "$350.50" in page
    kept = browser.get(reverse("practice:register")).content.decode()
    assert f'value="{period(practice)["desde"]}"' in kept
    assert f'<option value="{practice.payer.pk}" selected>' in kept


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"hasta": "2020-01-01"}, "termina antes de empezar"),
        ({"desde": "2020-01-01"}, "un año o menos"),
        ({"desde": "ayer; drop"}, "Monto total"),
        ({"pagina": "-7"}, "Monto total"),
    ],
)
def test_a_strange_period_is_answered_in_words(practice: Practice, over: dict[str, str], said: str) -> None:
    answer = client(practice).get(reverse("practice:performed"), period(practice, **over))
    assert said in answer.content.decode()
    assert answer.status_code == (200 if said == "Monto total" else 422)


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"control": ""}, "Escriba el No de Control Interno"),
        ({"control": "A|1"}, "sin los signos"),
        ({"date": "2099-01-01"}, "no puede ser futura"),
        ({"date": "2020-01-01"}, "72 horas"),
        ({"payer": "6f1c1c1e-0000-4000-8000-000000000000"}, "Elija la aseguradora de la lista"),
        ({"period_to": "2020-01-01"}, "termina antes de empezar"),
    ],
)
def test_a_wrong_registration_keeps_what_was_typed(practice: Practice, over: dict[str, str], field: str) -> None:
    answer = client(practice).post(reverse("practice:register"), form(practice, **({"control": "Z-9"} | over)))
    assert answer.status_code == 422
    page = answer.content.decode()
    assert field in page
    assert over.get("control", "Z-9") in page
    assert not InsurerInvoice.objects.exists()


def picking(page: str, **over: object) -> dict[str, object]:
    return {"metodo": "PPD", "forma": "99", "tipo": "medico", "antes": "algunos", "lleva": "", **over}


def test_all_of_250_on_the_server_but_three_of_two_pages(practice: Practice) -> None:
    services = [stand.service(practice, "10.00") for _ in range(250)]
    browser = client(practice)
    answer = browser.post(reverse("practice:register"), form(practice))
    invoice = InsurerInvoice.objects.get()
    address = reverse("practice:choose", args=[invoice.pk])
    assert answer["Location"] == address
    ordered = [str(row.pk) for row in insured.candidates(invoice)]
    first, second = ordered[:100], ordered[100:200]
    # "Seleccionar todos", without a script: the page comes back ticked.
    shown = browser.post(address, picking("", todos="1", visto=first, accion="ver")).content.decode()
    assert '<span id="cuantos">250</span>' in shown
    assert "$2,500.00" in shown
    # Two are left out on the first page, one on the second; the third is never looked at.
    both = {"todos": "1", "antes": "todos"}
    shown = browser.post(address, picking("", **both, visto=first, servicio=first[2:], pagina="2")).content.decode()
    carried = ",".join(sorted(first[:2]))
    assert f'name="lleva" value="{carried}"' in shown
    done = browser.post(
        address, picking("", **both, lleva=carried, visto=second, servicio=second[1:], accion="terminar")
    )
    assert done["Location"] == reverse("practice:invoice", args=[invoice.pk])
    assert insured.sum_of(insured.services_in(invoice)) == (247, Decimal("2470.00"))
    assert len(services) == 250
    summary = browser.get(done["Location"]).content.decode()
    for said in ("Factura emite", "Cargar XML Externo", "$2,470.00", "Exento", "−$247.00", "$2,223.00"):
        assert said in summary


def test_the_pair_ppd_and_99_cannot_be_broken(practice: Practice) -> None:
    service = stand.service(practice)
    invoice = stand.registered(practice, service)
    address = reverse("practice:choose", args=[invoice.pk])
    answer = client(practice).post(address, picking("", metodo="PUE", todos="1", accion="terminar"))
    assert answer.status_code == 422
    assert "Pago en parcialidades" in answer.content.decode()


def test_what_is_no_cfdi_is_refused_with_words_and_the_registration_stays(practice: Practice) -> None:
    invoice = stand.registered(practice, stand.service(practice))
    address = reverse("practice:external", args=[invoice.pk])
    browser = client(practice)
    for content, said in ((b"%PDF-1.7", "El archivo es un PDF"), (b"x" * 8_000_001, "demasiado grande")):
        answer = browser.post(address, {"xml": SimpleUploadedFile("factura.xml", content)})
        assert answer.status_code == 422
        assert said in answer.content.decode()
    assert browser.post(address, {}).status_code == 422
    invoice.refresh_from_db()
    assert invoice.state == InsurerInvoice.State.REGISTERED


def test_strangers_find_nothing_and_readers_only_read(practice: Practice) -> None:
    invoice = stand.registered(practice, stand.service(practice))
    hospital = make.hospital()
    other = stand.practice()
    Membership.objects.filter(user=hospital.admin).update(can_issue=True)
    reads = ("invoice", "progress", "xml", "pdf")
    writes = ("choose", "issue", "change_date", "external", "ask_sat", "discard", "cancel", "mail")
    for who in (hospital, other):
        browser = client(who)  # type: ignore[arg-type]
        for name in (*reads, *writes):
            address = reverse(f"practice:{name}", args=[invoice.pk])
            asked = browser.post(address) if name in writes else browser.get(address)
            assert asked.status_code == 404, name
    reader = client(practice, reader=True)
    for name in writes:
        assert reader.post(reverse(f"practice:{name}", args=[invoice.pk])).status_code == 403, name
    assert "Factura emite" not in reader.get(reverse("practice:invoice", args=[invoice.pk])).content.decode()
    with tenancy.organization(practice.organization.pk):
        invoice.refresh_from_db()
    assert invoice.state == InsurerInvoice.State.REGISTERED


def test_a_month_of_one_insurer_is_one_zip_of_its_own_documents(practice: Practice) -> None:
    browser, address = client(practice), reverse("practice:month", args=[practice.issuer.pk])
    answer = browser.get(address, {"rfc": practice.payer.rfc, "mes": "2026-11"})
    assert answer["Content-Disposition"] == 'attachment; filename="cfdi-CACX7605101P8-SCE050620LQ5-2026-11.zip"'
    assert b"".join(answer.streaming_content)[:2] == b"PK"  # type: ignore[arg-type]
    for wrong in ({"rfc": "XAXX010101000"}, {"mes": "noviembre"}, {"mes": "0000-13"}):
        assert browser.get(address, {"rfc": practice.payer.rfc, "mes": "2026-11"} | wrong).status_code == 404


def test_at_a_glance_what_waits_per_insurer_and_rfc(practice: Practice) -> None:
    taken, other = stand.service(practice, "300.00"), stand.service(practice, "450.00")
    stand.registered(practice, taken)
    page = client(practice).get(reverse("practice:finance")).content.decode()
    assert other.payer.name in page
    for title, amount in (("Por facturar", "$450.00"), ("Registradas sin emitir", "$300.00")):
        assert re.search(
            rf'<th scope="row">{title}</th><td class="num">1</td><td class="num">{re.escape(amount)}', page
        )


def test_what_is_no_position_of_a_service_chooses_none() -> None:
    assert glosas._positions(["3", "-1", "²", "x", "9" * 5_000]) == {3}


def test_boxes_of_many_pages_are_told_from_those_that_were_unticked() -> None:
    def some(query: str) -> tuple[bool, set[int]]:
        found = ticked(QueryDict(query), glosas._positions)
        return found.everything, set(found.keys)

    page = "lleva=1,2,300&visto=300&visto=301"
    assert some(f"{page}&servicio=301&servicio=5") == (False, {1, 2, 301})
    assert some(f"{page}&antes=todos&todos=1&servicio=301") == (True, {1, 2, 300})
    assert some(f"{page}&antes=algunos&todos=1&servicio=301") == (True, set())
    assert some(f"{page}&antes=todos&servicio=301") == (False, set())
