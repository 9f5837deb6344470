"""A kept query gives what its queryset gives: the same objects, related ones and annotations included."""

from __future__ import annotations

import pytest
from django.db.models import Exists, FilteredRelation, OuterRef, Q, QuerySet
from pytest_django import DjangoAssertNumQueries

from emite.charges.models import Allocation, Charge
from emite.database.kept import Given, Kept
from emite.documents.models import FiscalDocument
from emite.invoices.issuing import Request, issue
from tests import make

pytestmark = pytest.mark.django_db


def _query(charge: object, kind: object) -> QuerySet[Charge]:
    return (
        Charge.objects.annotate(
            live=FilteredRelation("allocations", condition=Q(allocations__active=True)),
            is_taken=Exists(Allocation.objects.filter(charge=OuterRef("pk"), active=True)),
        )
        .select_related("organization", "live__document")
        .defer("organization__logo")
        .filter(pk=charge, kind=kind)
    )


def test_rows_related_rows_and_annotations_are_the_same(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    hospital = make.hospital(usos_offered=["D01", "G03"])
    charge, free = make.paid_charge(hospital), make.paid_charge(hospital)
    request = Request(make.receptor())
    document = issue(charge, request, channel="desk", user=hospital.biller, now=make.now(), idempotency_key="k")
    kept = Kept(lambda: _query(Given("charge"), Given("kind")))

    for _ in range(2):
        found, plain = kept.first(charge=charge.pk, kind="remision"), _query(charge.pk, "remision").get()
        assert found is not None
        for made in (found, plain):
            with django_assert_num_queries(0):
                assert made == charge
                assert made.total == charge.total
                assert made.is_taken is True
                assert made.organization.usos_offered == ["D01", "G03"]
                assert made.live.document == document
                assert made.live.document.content == document.content
        assert found.organization.get_deferred_fields() == {"logo"}
        alone = kept.first(charge=free.pk, kind="remision")
        assert alone is not None
        assert alone.is_taken is False
        assert not hasattr(alone, "live")
    assert kept.all(charge=charge.pk, kind="copago") == []
    found.void_reason = "nunca"
    found.save(update_fields=["void_reason"])
    assert Charge.objects.get(pk=charge.pk).void_reason == "nunca"


def test_a_value_that_is_not_given_is_an_error() -> None:
    kept = Kept(lambda: FiscalDocument.objects.filter(pk=Given("document")))
    with pytest.raises(KeyError):
        kept.all()
