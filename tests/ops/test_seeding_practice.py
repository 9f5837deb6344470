"""The demo's practice: whole, and found again on the next start."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from emite.care.models import CareService
from emite.chargemaster import linking
from emite.ops import seeding, seeding_practice
from emite.organizations.models import Organization
from emite.pac.sandbox.authority import TestAuthority
from tests import make

pytestmark = pytest.mark.django_db


def test_the_practice_can_invoice_its_month_and_is_seeded_once(tmp_path: Path) -> None:
    authority, now = TestAuthority.open(tmp_path), make.now()
    for _ in range(2):
        seeding.seed(authority=authority, pac_url="http://127.0.0.1:9", pac_user="demo", pac_password="x", now=now)
        world = seeding_practice.seed(
            authority=authority, pac_url="http://127.0.0.1:9", pac_user="demo", pac_password="x", now=now
        )
    assert Organization.objects.count() == 4
    assert world.practice.portal_is_on()
    services = CareService.objects.filter(organization=world.practice)
    assert services.count() == 30
    assert {row.patient_part for row in services} == {Decimal("250.00")}
    codes = {(row.system, row.code) for row in services}
    assert not linking.unlinked(world.issuer, codes, world.practice.local_date(now))
