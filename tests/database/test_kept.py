"""A kept query gives what its queryset gives: the same objects, related ones and annotations included."""

from __future__ import annotations

import pytest
from django.db.models import Exists, FilteredRelation, OuterRef, Q, QuerySet
from pytest_django import DjangoAssertNumQueries

from emite.charges.models import Allocation, Charge
from emite.database.kept import Given, Kept, KeptInsert, KeptRows, among
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


def test_rows_of_many_keys_are_those_of_in() -> None:
    hospital = make.hospital()
    charges = [make.paid_charge(hospital) for _ in range(3)]
    kept = KeptRows(lambda: Charge.objects.filter(among("pk", "keys")).order_by("pk").values_list("pk", "total"))
    wanted = [charges[0].pk, charges[2].pk]
    for keys in (wanted, [], [charges[1].pk]):
        plain = Charge.objects.filter(pk__in=keys).order_by("pk").values_list("pk", "total")
        assert [tuple(row) for row in kept.all(keys=keys)] == list(plain)


def test_a_kept_insert_stores_what_save_stores() -> None:
    hospital = make.hospital()
    charge, other = make.paid_charge(hospital), make.paid_charge(hospital)
    request = Request(make.receptor())
    document = issue(charge, request, channel="desk", user=hospital.biller, now=make.now(), idempotency_key="k")
    made = KeptInsert(Allocation).run(
        Allocation(organization=hospital.organization, charge=other, document=document, created_at=make.now())
    )
    stored = Allocation.objects.get(pk=made.pk)
    for field in Allocation._meta.concrete_fields:
        assert getattr(stored, field.attname) == getattr(made, field.attname)
    made.save(force_update=True)  # it is a stored row from now on
