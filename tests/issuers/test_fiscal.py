"""Fiscal data, bank accounts and the manifest: who may, what is refused, what is kept as evidence."""

from __future__ import annotations

import pytest

from emite.audit.models import AuditEvent
from emite.issuers import fiscal, manifest
from emite.issuers.fiscal import FiscalRefused
from emite.issuers.models import BankAccount, FiscalAddress
from tests import make
from tests import practice as stand
from tests.practice import Practice

pytestmark = pytest.mark.django_db

WHERE = {
    "street": "Sopeña", "number": "12", "inside": "", "colonia": "Centro", "municipio": "Guanajuato", "estado": "GUA",
}  # fmt: skip


@pytest.fixture
def practice() -> Practice:
    return stand.practice()


def test_data_and_address_change_together_and_are_audited(practice: Practice) -> None:
    data = {"nombre": "XOCHILT CASAS CHAVEZ", "postal_code": "36257"}
    where = WHERE | {"street": "Positos"}
    fiscal.change(practice.issuer, data, where, user=practice.admin, now=make.now())
    assert FiscalAddress.objects.get(issuer=practice.issuer).street == "Positos"
    event = AuditEvent.objects.get(action="issuer.change")
    assert event.before["street"] == "Sopeña"
    with pytest.raises(FiscalRefused, match="Guanajuato"):
        fiscal.change(practice.issuer, data, WHERE | {"estado": "NLE"}, user=practice.admin, now=make.now())
    with pytest.raises(FiscalRefused, match="administrador"):
        fiscal.change(practice.issuer, data, WHERE, user=practice.reader, now=make.now())


def test_an_account_is_kept_once_and_its_number_stays_out_of_the_log(practice: Practice) -> None:
    add = {"clabe": "002 010 07777777777 1", "holder": "Xóchilt Casas"}
    made = fiscal.add_account(practice.issuer, **add, user=practice.admin, now=make.now())
    for wrong in (add, add | {"clabe": "002010077777777772"}):
        with pytest.raises(FiscalRefused):
            fiscal.add_account(practice.issuer, **wrong, user=practice.admin, now=make.now())
    assert made.clabe not in str(AuditEvent.objects.get(action="bank.add").after)
    fiscal.retire_account(made, user=practice.admin, now=make.now())
    assert not BankAccount.objects.filter(active=True).exists()


def test_the_manifest_is_accepted_once_per_version_with_its_evidence(practice: Practice) -> None:
    first = manifest.accepted(practice.issuer)
    assert first is not None
    assert manifest.accept(practice.issuer, user=practice.admin, address="10.0.0.9", now=make.now()) == first
    assert (first.sha256, first.accepted_by) == (manifest.text_hash(), practice.admin)
    assert "127.0.0.1" not in first.from_hash
    with pytest.raises(manifest.ManifestRefused):
        manifest.accept(practice.issuer, user=practice.reader, address="", now=make.now())


def test_all_three_are_needed_of_a_practice_and_none_of_a_hospital(practice: Practice) -> None:
    # It has address and manifest, and no certificate.
    assert [said[:15] for said in manifest.missing(practice.issuer, make.now())] == ["el certificado "]
    data = {
        "rfc": "AATF790805MX0", "nombre": "FACUNDO ARRIAGA TELLO", "regimen_fiscal": "612", "postal_code": "64000",
        "lugar_expedicion": "64000", "serie": "F",
    }  # fmt: skip
    second = fiscal.create(practice.organization, data, user=practice.admin, now=make.now())
    assert len(manifest.missing(second, make.now())) == 3
    assert manifest.missing(make.hospital().issuer, make.now()) == []
