"""A backup is restored after others were stamped: each stamp comes back, nothing is stamped twice, folios go on.

`EMITE_RESTORE_STAMPS` sets how many are lost and recovered; a dozen by default.
"""

from __future__ import annotations

import os
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from emite import __version__
from emite.cfdi.taxes import Treatment
from emite.charges import anticipos as taking
from emite.charges.allocating import live_allocation, live_document
from emite.charges.collecting import Part, pay
from emite.charges.models import Charge
from emite.credits import anticipos, checking
from emite.database import backup, migrating, roles
from emite.database.address import dsn
from emite.database.trouble import DatabaseTrouble, Trouble
from emite.documents import quarantine
from emite.documents.models import FiscalDocument, Quarantine, State
from emite.invoices import issuing, stamping
from emite.issuers.models import Series
from emite.ops import ground, restore
from emite.ops import quarantine as command
from emite.organizations.models import Organization
from emite.reconciling import recovering
from tests import make
from tests.concurrency.web import on_a_node
from tests.conftest import DATA
from tests.credits.stands import in_global
from tests.pac.sandbox import RunningSandbox, running_sandbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[RunningSandbox]:
    """One of its own: what it lists is of this test alone."""
    with running_sandbox(tmp_path / "pac") as running:
        yield running


LOST = int(os.environ.get("EMITE_RESTORE_STAMPS", "12"))


def _ask(hospital: make.Hospital, *charges: Charge) -> FiscalDocument:
    return issuing.issue_together(
        charges, issuing.Request(make.receptor()), channel="desk", user=hospital.biller, now=make.now(),
        idempotency_key=uuid.uuid4().hex,
    )  # fmt: skip


def _drive(document: FiscalDocument) -> FiscalDocument:
    stamping.drive(document.pk, owner="test:1", clock=make.now)
    return FiscalDocument.objects.get(pk=document.pk)


def _charge(hospital: make.Hospital, number: int) -> Charge:
    return make.paid_charge(hospital, [make.line(description=f"Consulta {number}", unit_price=Decimal(500 + number))])


@contextmanager
def _another_database() -> Iterator[None]:
    """An empty one, which Django uses inside the block."""
    settings, name = connection.settings_dict, f"test_restored_{uuid.uuid4().hex[:8]}"
    before = settings["NAME"]
    connection.close()
    roles.create_database(DATA, name)
    settings["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        settings["NAME"] = before
        with psycopg.connect(dsn("admin", folder=DATA, dbname="postgres").conninfo(), autocommit=True) as admin:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _cut_off(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def _refused(*_: object) -> None:
    raise DatabaseTrouble("PostgreSQL no terminó")


def test_what_was_stamped_after_the_backup_comes_back(
    sandbox: RunningSandbox, settings: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with make.behind(sandbox, settings) as hospital:
        charges = [_charge(hospital, number) for number in range(LOST)]
        known = _drive(_ask(hospital, charges[0]))
        half = len(charges) // 2
        waiting = [_ask(hospital, each) for each in charges[1:half]]  # drafts when the backup is taken
        sealed = _ask(hospital, charges[half])
        stamping.stamping.claim(sealed.pk, owner="test:1", now=make.now())
        stamping.stamping.seal(FiscalDocument.objects.get(pk=sealed.pk), make.now())
        twins = [make.paid_charge(hospital, [make.line(description="Igual")]) for _ in range(2)]
        ticket = make.paid_charge(hospital, [make.line(description="De la global")])
        page = backup.write(tmp_path / "uno.emite", version=__version__, now=make.now())

        stamped = [_drive(each) for each in waiting]
        FiscalDocument.objects.filter(pk=sealed.pk).update(lease_owner="", lease_until=None)
        stamped.append(_drive(sealed))
        stamped += [_drive(_ask(hospital, each)) for each in charges[half + 1 : -2]]
        stamped.append(_drive(_ask(hospital, *charges[-2:])))
        twin = _drive(_ask(hospital, twins[0]))
        stamped.append(twin)
        late = make.paid_charge(hospital, [make.line(description="Nadie la recuerda")])
        stamped.append(_drive(_ask(hospital, late)))
        in_global(hospital, ticket)
        in_the_global = live_document(ticket)
        assert in_the_global is not None
        stamped.append(in_the_global)
        assert {each.state for each in stamped} == {State.STAMPED}
        given = len(sandbox.stamps())

        with _another_database():
            backup.restore(tmp_path / "uno.emite")
            migrating.migrate(truncate=True)
            Quarantine.objects.create(taken_at=page.moment, restored_at=make.now())
            assert FiscalDocument.objects.filter(state=State.STAMPED).get().uuid == known.uuid

            held = _drive(waiting[0])  # whoever asks again meanwhile is not stamped a second time
            assert (held.state, held.last_code) == (State.DRAFT, quarantine.CODE)
            assert _drive(sealed).state == State.SEALED
            assert _drive(_ask(hospital, charges[half + 1])).state == State.DRAFT

            report = recovering.recover(taken_at=page.moment, clock=make.now)

            assert report.unread == report.unlisted == []
            assert {each.uuid for each in FiscalDocument.objects.filter(state=State.STAMPED)} == {
                known.uuid, *(each.uuid for each in stamped)
            }  # fmt: skip
            assert len(report.orphans) == 1
            assert len(report.doubtful) == 1
            for each in (*charges, ticket):
                document = live_document(each)
                assert document is not None, each.folio
                assert document.state == State.STAMPED
            alike = [live_document(each) for each in twins]  # the second went into the global
            assert [each and each.uuid for each in alike] == [twin.uuid, in_the_global.uuid]
            again = recovering.recover(taken_at=page.moment, clock=make.now)
            assert (again.finished, again.made) == (0, 0)
            highest = max(int(each.folio or 0) for each in stamped if each.serie == hospital.series.name)
            assert Series.objects.get(pk=hospital.series.pk).next_folio > highest

            assert command._told("", without_list=False) == 0
            assert quarantine.current() is not None
            assert command._told("Ana Ruiz, sistemas", without_list=False) == 0
            assert quarantine.current() is None
            fresh = _drive(_ask(hospital, make.paid_charge(hospital)))
            assert fresh.state == State.STAMPED
            assert int(fresh.folio or 0) > highest
        assert len(sandbox.stamps()) == given + 1
    assert "Recuperados" in capsys.readouterr().out


def test_a_pac_without_list_keeps_the_quarantine(
    sandbox: RunningSandbox, settings: object, capsys: pytest.CaptureFixture[str]
) -> None:
    with make.behind(sandbox, settings) as hospital:
        Quarantine.objects.create(taken_at=make.now(), restored_at=make.now())
        hospital.pac_account.base_url = "http://127.0.0.1:9"
        hospital.pac_account.save(update_fields=["base_url"])
        assert command._told("Ana", without_list=False) == 1
        assert "no da su lista" in capsys.readouterr().out
        assert quarantine.current() is not None
        assert command._told("Ana", without_list=True) == 0
        assert Series.objects.get(pk=hospital.series.pk).next_folio == 1 + recovering.JUMP


def test_a_damaged_backup_is_told_before_anything_is_touched(tmp_path: Path) -> None:
    path = tmp_path / "dos.emite"
    backup.write(path, version=__version__, now=make.now())
    assert path.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("base.dump").header_offset + 200
    data = bytearray(path.read_bytes())
    data[start] ^= 1
    path.write_bytes(data)
    with pytest.raises(DatabaseTrouble, match=r"dañado|incompleto"):
        backup.read(path)
    with pytest.raises(DatabaseTrouble, match="No existe"):
        backup.read(tmp_path / "tres.emite")
    (tmp_path / "cuatro.emite").write_bytes(b"PK")
    with pytest.raises(DatabaseTrouble, match="no es un respaldo"):
        backup.read(tmp_path / "cuatro.emite")


def test_a_restore_cut_off_anywhere_lets_nothing_start_and_is_taken_up(
    sandbox: RunningSandbox, settings: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with make.behind(sandbox, settings) as hospital:
        _drive(_ask(hospital, make.paid_charge(hospital)))
        source = tmp_path / "uno.emite"
        backup.write(source, version=__version__, now=make.now())
        with _another_database():
            monkeypatch.setattr("emite.vault.rotating.unopenable", list)
            for step in ("emite.database.backup.restore", "emite.database.migrating.migrate", "emite.audit.record"):
                with monkeypatch.context() as cut, pytest.raises(KeyboardInterrupt):
                    cut.setattr(step, _cut_off)
                    restore.restored(source, replace=False, now=make.now())
                with on_a_node(), pytest.raises(DatabaseTrouble, match="quedó a medias"):
                    ground.refuse_half_restored()
            other = tmp_path / "dos.emite"
            backup.write(other, version=__version__, now=make.now())
            with pytest.raises(Trouble, match="otro archivo"):
                restore.restored(other, replace=False, now=make.now())

            said = restore.restored(source, replace=False, now=make.now())

            assert "Se retomó" in said[0]
            assert Quarantine.objects.filter(lifted_at=None).count() == 1
            with on_a_node():
                ground.refuse_half_restored()
            with pytest.raises(Trouble, match="ya tiene datos"):
                restore.restored(source, replace=False, now=make.now())


def test_a_refused_restore_leaves_the_database_empty_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "uno.emite"
    backup.write(source, version=__version__, now=make.now())
    with _another_database():
        with monkeypatch.context() as cut, pytest.raises(DatabaseTrouble):
            cut.setattr("emite.database.backup.restore", _refused)
            restore.restored(source, replace=False, now=make.now())
        assert backup.is_empty()
        assert backup.under_way() == ""


def test_what_was_asked_again_with_other_data_is_not_stamped_a_second_time(
    sandbox: RunningSandbox, settings: object, tmp_path: Path
) -> None:
    with make.behind(sandbox, settings) as hospital:
        charge = _charge(hospital, 1)
        page = backup.write(tmp_path / "uno.emite", version=__version__, now=make.now())
        stamped = _drive(_ask(hospital, charge))
        given = len(sandbox.stamps())
        with _another_database():
            backup.restore(tmp_path / "uno.emite")
            migrating.migrate(truncate=True)
            Quarantine.objects.create(taken_at=page.moment, restored_at=make.now())
            other = make.receptor(rfc="MAOL880314Q75", nombre="LUCIA MARENTES OLVERA", domicilio_fiscal="06700")
            again = issuing.issue(
                charge, issuing.Request(other), channel="portal", user=hospital.biller, now=make.now(),
                idempotency_key=uuid.uuid4().hex,
            )  # fmt: skip
            report = recovering.recover(taken_at=page.moment, clock=make.now)
            assert report.orphans == report.unread == []
            quarantine.lift(who="Ana", now=make.now())
            assert _drive(again).state == State.VOID
            live = live_document(charge)
            assert live is not None
            assert live.uuid == stamped.uuid
        assert len(sandbox.stamps()) == given


def test_a_stamp_goes_to_the_organization_of_its_charge(
    sandbox: RunningSandbox, settings: object, tmp_path: Path
) -> None:
    with make.behind(sandbox, settings) as one:
        two = make.hospital(authority=sandbox.authority, pac_url=sandbox.url)
        assert two.issuer.rfc == one.issuer.rfc  # and the PAC's list is of the RFC
        charge = make.paid_charge(two)
        page = backup.write(tmp_path / "uno.emite", version=__version__, now=make.now())
        stamped = _drive(_ask(two, charge))
        with _another_database():
            backup.restore(tmp_path / "uno.emite")
            migrating.migrate(truncate=True)
            Quarantine.objects.create(taken_at=page.moment, restored_at=make.now())
            report = recovering.recover(taken_at=page.moment, clock=make.now)
            assert (report.made, report.orphans, report.unread) == (1, [], [])
            found = FiscalDocument.objects.get(uuid=stamped.uuid)
            assert (found.organization_id, live_document(charge)) == (two.organization.pk, found)


def test_of_two_charges_alike_the_one_that_somebody_waits_for_is_left_to_that_person(
    sandbox: RunningSandbox, settings: object, tmp_path: Path
) -> None:
    with make.behind(sandbox, settings) as hospital:
        first, second = (make.paid_charge(hospital, [make.line(description="Igual")]) for _ in range(2))
        waiting = _ask(hospital, first)
        page = backup.write(tmp_path / "uno.emite", version=__version__, now=make.now())
        other = make.receptor(rfc="MAOL880314Q75", nombre="LUCIA MARENTES OLVERA", domicilio_fiscal="06700")
        stamped = _drive(
            issuing.issue(
                second, issuing.Request(other), channel="portal", user=hospital.biller, now=make.now(),
                idempotency_key=uuid.uuid4().hex,
            )
        )  # fmt: skip
        with _another_database():
            backup.restore(tmp_path / "uno.emite")
            migrating.migrate(truncate=True)
            Quarantine.objects.create(taken_at=page.moment, restored_at=make.now())
            recovering.recover(taken_at=page.moment, clock=make.now)
            assert FiscalDocument.objects.get(pk=waiting.pk).state == State.DRAFT
            live = live_document(second)
            assert live is not None
            assert live.uuid == stamped.uuid


@pytest.mark.parametrize("paid", ["whole", "on_credit"])
@pytest.mark.parametrize("road", ["egreso", "remnant"])
def test_the_invoice_of_an_account_that_a_deposit_paid_comes_back_by_either_path(
    sandbox: RunningSandbox, settings: object, tmp_path: Path, road: str, paid: str
) -> None:
    with make.behind(sandbox, settings) as hospital:
        Organization.objects.filter(pk=hospital.organization.pk).update(anticipo_road=road)
        deposit = taking.take(
            hospital.organization, hospital.issuer, Decimal("500.00"), Treatment.IVA16, user=hospital.cashier,
            now=make.now(),
        )  # fmt: skip
        _collect(hospital, deposit, deposit.total)
        account = make.charge(hospital, [make.line(unit_price=Decimal("800")), make.line(unit_price=Decimal("33.33"))])
        assert _drive(_ask(hospital, deposit)).state == State.STAMPED
        anticipos.apply(
            deposit, account, deposit.total, user=hospital.cashier, now=make.now(), idempotency_key="aplicado"
        )
        account.refresh_from_db()
        _collect(hospital, account, account.owed if paid == "whole" else Decimal("1.00"))
        page = backup.write(tmp_path / "uno.emite", version=__version__, now=make.now())
        request = issuing.Request(make.receptor(), on_credit=paid == "on_credit")
        account = Charge.objects.get(pk=account.pk)
        stamped = _drive(
            issuing.issue(
                account, request, channel="desk", user=hospital.biller, now=make.now(), idempotency_key="cuenta"
            )
        )
        by_remnant = (road, paid) == ("remnant", "whole")
        assert (stamped.state, stamped.total) == (State.STAMPED, account.total - (500 if by_remnant else 0))
        with _another_database():
            backup.restore(tmp_path / "uno.emite")
            migrating.migrate(truncate=True)
            Quarantine.objects.create(taken_at=page.moment, restored_at=make.now())
            report = recovering.recover(taken_at=page.moment, clock=make.now)
            assert (report.made, report.orphans, report.unread, report.doubtful) == (1, [], [], [])
            bound = live_allocation(account)
            assert bound is not None
            assert (bound.document.uuid, bound.remnant) == (stamped.uuid, by_remnant)
            assert len(anticipos.due(limit=9)) == (0 if by_remnant else 1)
            assert list(checking.faults()) == []


def _collect(hospital: make.Hospital, charge: Charge, amount: Decimal) -> None:
    pay(charge, [Part("04", amount)], register=hospital.register, user=hospital.cashier, now=make.now())
