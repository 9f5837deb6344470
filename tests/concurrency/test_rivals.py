"""Fifty people at once on the same ticket, over HTTP: exactly one gets the invoice, nobody sees another's data.

`EMITE_RIVAL_CHARGES` sets on how many charges; 4 by default, 200 in `make faults`.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from emite.charges.models import Allocation, Charge
from emite.documents.models import FiscalDocument, State
from emite.invoices import stamping
from emite.ops.visiting import Lost, Visitor
from tests import make
from tests.concurrency.web import running_web
from tests.pac.sandbox import running_sandbox

CHARGES = int(os.environ.get("EMITE_RIVAL_CHARGES", "4"))
RIVALS = 50
#: Two taxpayers that the sandbox knows: half of the rivals are each.
PEOPLE = (
    {"rfc": "XOJI740919U48", "nombre": "INGRID XODAR JIMENEZ", "domicilio_fiscal": "76028"},
    {"rfc": "MAOL880314Q75", "nombre": "LUCIA MARENTES OLVERA", "domicilio_fiscal": "06700"},
)
BOTH = {"regimen_fiscal": "605", "uso_cfdi": "D01"}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_fifty_rivals_on_each_charge(tmp_path: Path, settings: object) -> None:
    with running_sandbox(tmp_path / "sandbox") as sandbox, running_web(tmp_path / "web.log") as site:
        settings.PAC_TRUST_DIR = sandbox.trust_dir  # type: ignore[attr-defined]
        hospital = make.hospital(authority=sandbox.authority, pac_url=sandbox.url)
        charges = [make.paid_charge(hospital) for _ in range(CHARGES)]
        ends = [_race(site, hospital, charge) for charge in charges]
        for pk in FiscalDocument.objects.values_list("pk", flat=True):
            stamping.drive(pk, owner="test:1", clock=make.now)
        stamped = len(sandbox.stamps())
    for end in ends:
        assert end["won"] >= 1, end
        assert set(end) <= {"won", "refused"}, end
        assert sum(end.values()) == RIVALS
    assert FiscalDocument.objects.count() == CHARGES
    assert FiscalDocument.objects.filter(state=State.STAMPED).count() == CHARGES == stamped
    assert Allocation.objects.filter(active=True).count() == CHARGES
    # The winner may meet its own invoice more than once, but only one person's data were taken for each charge.
    assert sum(end["won"] for end in ends) == CHARGES


def _race(site: str, hospital: make.Hospital, charge: Charge) -> Counter[str]:
    code, slug = make.code(charge), hospital.organization.slug
    ready = threading.Barrier(RIVALS)

    def rival(number: int) -> str:
        person = PEOPLE[number % 2]
        other = PEOPLE[(number + 1) % 2]
        visitor = Visitor(site, timeout=120)
        visitor.get(f"/q/{slug}/{code}")
        form = visitor.get(f"/f/{slug}/datos/")
        ready.wait(120)
        page = visitor.submit(form, {**person, **BOTH}, has="rfc")
        if page.status == 200 and page.url.endswith("/factura/"):
            return "won"
        _has_no_data_of(page.text, other)
        if page.status == 409:
            return "refused"
        raise Lost(f"{page.status} {page.url}: {page.text[:300]}")

    with ThreadPoolExecutor(RIVALS) as pool:
        return Counter(pool.map(rival, range(RIVALS)))


def _has_no_data_of(text: str, person: dict[str, str]) -> None:
    for word in person.values():
        assert word not in text, f"{word} in a loser's page"
