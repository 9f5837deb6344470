"""PostgreSQL hides the rows of other organizations, whatever the query forgot to ask."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import DatabaseError, DataError, connection, transaction
from django.db.models import F

from emite.charges.models import Charge, ChargeLine
from emite.database import tenancy
from emite.database.kept import Kept
from emite.documents.models import FiscalDocument
from emite.organizations.models import Membership
from tests import make

pytestmark = pytest.mark.django_db

SRC = Path(__file__).parents[2] / "src" / "emite"


@pytest.fixture
def two() -> tuple[make.Hospital, make.Hospital]:
    hospitals = make.hospital(), make.hospital()
    for hospital in hospitals:
        make.paid_charge(hospital)
    return hospitals


def test_every_table_of_a_tenant_has_its_policy() -> None:
    connection.ensure_connection()
    found = tenancy.tables(connection.connection)

    bare = [table for table, ready in found.items() if not ready]
    assert not bare, f"sin política: {bare}; la pone emite.database.tenancy.protect(), que llama migrating.migrate()"
    assert {"charges_charge", "documents_stampedxml", "issuers_storedcsd", "audit_auditevent"} <= set(found)


def test_the_app_may_not_step_around_it() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.rolsuper OR r.rolbypassrls, c.relowner = r.oid FROM pg_roles r, pg_class c "
            "WHERE r.rolname = current_user AND c.relname = 'charges_charge'"
        )
        assert cursor.fetchone() == (False, False)
        with pytest.raises(DatabaseError), transaction.atomic():
            cursor.execute("ALTER TABLE charges_charge DISABLE ROW LEVEL SECURITY")
        cursor.execute("SET LOCAL emite.organization = ''")
        cursor.execute("SET LOCAL row_security = off")
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            cursor.execute("SELECT count(*) FROM charges_charge")


def test_a_savepoint_taken_back_tells_the_scope_again(two: tuple[make.Hospital, make.Hospital]) -> None:
    with tenancy.organization(two[0].organization.pk):
        assert Charge.objects.count() == 1
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        _ = 1 / 0
    assert Charge.objects.count() == 2  # of the whole process, as before the block


def test_a_forgotten_filter_shows_one_organization(two: tuple[make.Hospital, make.Hospital]) -> None:
    ours, theirs = two
    assert Charge.objects.count() == 2

    with tenancy.organization(ours.organization.pk):
        assert {charge.organization_id for charge in Charge.objects.all()} == {ours.organization.pk}
        assert not ChargeLine.objects.filter(organization=theirs.organization).exists()
        assert Charge.objects.update(prints=7) == 1
        assert Membership.objects.exclude(organization=ours.organization).count() == 0
        with tenancy.everybody():
            assert Charge.objects.count() == 2
        assert Charge.objects.count() == 1
    with tenancy.nobody():
        assert not Charge.objects.exists()
        assert not list(Charge.objects.all().iterator())
    assert len(list(Charge.objects.all().iterator())) == 2


def test_no_row_is_written_for_another(two: tuple[make.Hospital, make.Hospital]) -> None:
    ours, theirs = two
    charge = Charge.objects.get(organization=ours.organization)

    with tenancy.organization(ours.organization.pk):
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            Charge.objects.filter(pk=charge.pk).update(organization=theirs.organization)
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            make.charge(theirs)


def test_it_outlives_savepoints_and_failed_statements(two: tuple[make.Hospital, make.Hospital]) -> None:
    ours, _ = two
    with tenancy.nobody():
        with pytest.raises(DatabaseError), transaction.atomic():
            tenancy.enter(ours.organization.pk)
            assert Charge.objects.count() == 1
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
        assert Charge.objects.count() == 1
    assert Charge.objects.count() == 2


def test_it_is_told_again_when_it_changes_and_when_a_savepoint_took_it_back(
    two: tuple[make.Hospital, make.Hospital],
) -> None:
    """Also for statements that are prepared, whose message has no room for it."""
    ours, theirs = two
    kept = Kept(lambda: Charge.objects.order_by("pk"))

    def seen() -> set[uuid.UUID]:
        found = {charge.organization_id for charge in Charge.objects.all()}
        assert {charge.organization_id for charge in kept.all()} == found
        return found

    with tenancy.nobody():
        assert seen() == set()
        with transaction.atomic():
            assert kept.all() == []
            with pytest.raises(RuntimeError), transaction.atomic():
                tenancy.enter(ours.organization.pk)
                assert seen() == {ours.organization.pk}
                raise RuntimeError
            assert seen() == {ours.organization.pk}
            with tenancy.organization(theirs.organization.pk):
                assert [charge.organization_id for charge in kept.all()] == [theirs.organization.pk]
                with transaction.atomic():
                    assert seen() == {theirs.organization.pk}
            assert kept.all()[0].organization_id == ours.organization.pk
    assert len(kept.all()) == 2


@pytest.mark.django_db(transaction=True)
def test_what_one_transaction_was_told_the_next_one_was_not(two: tuple[make.Hospital, make.Hospital]) -> None:
    kept = Kept(lambda: Charge.objects.order_by("pk"))
    for hospital in two:
        for _ in range(7):  # often enough to be prepared
            with tenancy.organization(hospital.organization.pk), transaction.atomic():
                assert Charge.objects.count() == 1
                assert [charge.organization_id for charge in kept.all()] == [hospital.organization.pk]
    with tenancy.nobody(), transaction.atomic():
        assert kept.all() == []
    with transaction.atomic():
        assert len(kept.all()) == 2


@pytest.mark.django_db(transaction=True)
def test_nothing_stays_on_the_connection(two: tuple[make.Hospital, make.Hospital]) -> None:
    ours, _ = two
    with tenancy.organization(ours.organization.pk):
        assert Charge.objects.count() == 1  # alone, in autocommit
        assert len(list(Charge.objects.all().iterator())) == 1
        with connection.cursor() as cursor:
            cursor.executemany("UPDATE charges_charge SET prints = %s", [(1,), (2,)])
        with transaction.atomic():
            assert Charge.objects.count() == 1
        raw: psycopg.Connection[tuple[str]] = connection.connection
        row = raw.execute("SELECT current_setting('emite.organization')").fetchone()
        assert row == ("all",)  # what this process said; a web process has said nothing
    assert sorted(Charge.objects.values_list("prints", flat=True)) == [0, 2]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("prepared", [True, False])
def test_a_prepared_statement_alone_has_its_scope_and_leaves_none(
    two: tuple[make.Hospital, make.Hospital], prepared: bool
) -> None:
    """In autocommit, where its scope travels with it; also behind a pooler that keeps no prepared statement."""
    kept = Kept(lambda: Charge.objects.order_by("pk"))
    wrong = Kept(lambda: Charge.objects.annotate(cut=1 / (F("prints") - F("prints"))))
    connection.ensure_connection()
    raw: psycopg.Connection[tuple[str]] = connection.connection
    before, raw.prepare_threshold = raw.prepare_threshold, 5 if prepared else None
    try:
        for hospital in (*two, *two):
            with tenancy.organization(hospital.organization.pk):
                assert [charge.organization_id for charge in kept.all()] == [hospital.organization.pk]
                with pytest.raises(DatabaseError, match="division by zero"):
                    wrong.all()
            with tenancy.nobody():
                assert kept.all() == []
            assert len(kept.all()) == 2  # what this process said
            row = raw.execute("SELECT current_setting('emite.organization')").fetchone()
            assert row == ("all",)
    finally:
        raw.prepare_threshold = before


def test_what_was_not_sent_has_told_nothing(two: tuple[make.Hospital, make.Hospital]) -> None:
    """psycopg refuses a NUL before PostgreSQL sees it: whoever goes on in the same transaction is told its scope."""
    ours, theirs = two
    with tenancy.organization(theirs.organization.pk):
        assert Charge.objects.count() == 1
        with tenancy.organization(ours.organization.pk):
            with pytest.raises((DataError, ValueError), match="NUL"):
                list(Charge.objects.filter(patient_name="a\0"))
            found = {charge.organization_id for charge in Charge.objects.all()}
            assert found == {ours.organization.pk}


def test_a_body_sent_later_keeps_its_scope(two: tuple[make.Hospital, make.Hospital]) -> None:
    def body() -> Iterator[int]:
        yield Charge.objects.count()
        yield Charge.objects.count()

    with tenancy.organization(two[0].organization.pk):
        sent = tenancy.carried(body())
    assert [next(sent), Charge.objects.count(), next(sent)] == [1, 2, 1]


def test_only_inside_a_scope_is_another_entered() -> None:
    with pytest.raises(RuntimeError):
        tenancy.enter(uuid.uuid4())
    assert FiscalDocument.objects.count() == 0


def test_the_web_opens_all_rows_only_at_its_doors() -> None:
    """Whoever adds one says here why: to find out whose request it is, or because an operator asks."""
    doors = {
        "access.py",  # the organizations of a person
        "api/access.py",  # whose key it is
        "login/invitations.py",  # which organization invites
        "login/passwords.py",  # where the change of a password is told
        "metrics.py",  # how much waits in the whole installation, for its monitor
        "login/second_step.py",  # where a lost second step is told
        "login/own_password.py",  # the same, from one's session
        "login/own_sessions.py",  # where the end of a session is told
    }
    web = SRC / "web"
    found = {str(path.relative_to(web)) for path in web.rglob("*.py") if "everybody()" in path.read_text("utf-8")}
    assert {"access.py", "api/access.py"} <= found <= doors
