"""How many times each page of the road asks the database: what decides how many patients a machine can serve."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests import make
from tests.web.portal.patient import Patient, drive

Counted = Callable[[int], AbstractContextManager[object]]


@pytest.mark.django_db
def test_each_page_asks_as_little_as_it_can(
    hospital: make.Hospital, patient: Patient, django_assert_num_queries: Counted
) -> None:
    charge = make.paid_charge(hospital, [make.line(), make.line(code="CON-02")])
    with django_assert_num_queries(1):  # the organization
        patient.get()
    with django_assert_num_queries(3):  # the organization, the charge, the new session
        patient.enter(charge)
    # Session, charge with whose it is and its document, who issues for the portal, lines, what was paid and given back;
    # and the savepoint of a test where a page has one transaction.
    with django_assert_num_queries(5 + 2):
        patient.get("cargo/")
    with django_assert_num_queries(4 + 2):  # the same without the lines
        patient.get("datos/")
    # Session, charge, who issues; what is locked and read; four rows; session; and the savepoint of a test.
    with django_assert_num_queries(18 + 2):
        assert patient.send(key=uuid.uuid4().hex).status_code == 303
    for page in ("factura/", "factura/avance/"):
        with django_assert_num_queries(3 + 2):  # session, charge with its document, mails
            patient.get(page)
    drive(charge)
    with django_assert_num_queries(6 + 2):  # the same, whether its end was asked for, the content and the stamped XML
        patient.get("factura/")
