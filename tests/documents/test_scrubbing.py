"""A stored CFDI that the disk changed is found within a month, and repaired only with the same bytes."""

from __future__ import annotations

import datetime as dt

import psycopg
import pytest
from django.db import connection

from emite.charges.allocating import live_document
from emite.database import backup
from emite.database.address import dsn
from emite.documents import scrubbing
from emite.documents.models import Damage, ScrubRound, StampedXml
from tests import make
from tests.conftest import DATA
from tests.credits.stands import invoiced
from tests.pac.sandbox import RunningSandbox

pytestmark = pytest.mark.django_db(transaction=True)


def _spoil(stored: StampedXml, place: int) -> None:
    data = bytearray(stored.xml)
    data[place] ^= 1
    name = connection.settings_dict["NAME"]
    with psycopg.connect(dsn("admin", folder=DATA, dbname=name).conninfo(), autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE documents_stampedxml SET xml = %s WHERE id = %s", [bytes(data), stored.pk])


def test_every_changed_byte_is_found_and_only_the_same_bytes_repair_it(
    sandbox: RunningSandbox, settings: object
) -> None:
    with make.behind(sandbox, settings) as hospital:
        documents = [live_document(invoiced(hospital)) for _ in range(6)]
        rows = list(StampedXml.objects.order_by("pk"))
        assert len(rows) == len(documents)
        for number, each in enumerate(rows[:5]):
            _spoil(each, 60 + number * (len(each.xml) - 61) // 4)  # the beginning, the end and between
        now = make.now()

        assert [scrubbing.scrub(now, most=4), scrubbing.scrub(now, most=4)] == [4, 1]

        found = set(Damage.objects.filter(repaired_at=None).values_list("document_id", flat=True))
        assert found == {each.document_id for each in rows[:5]}
        assert ScrubRound.objects.get().after is None  # both passes together were a whole round
        assert scrubbing.scrub(now + dt.timedelta(days=1), most=9) == 5
        assert Damage.objects.count() == 5  # told once

        for stored, _ in scrubbing.damaged(StampedXml.objects.order_by("pk")):
            assert scrubbing.repair(stored, backup.owner_of(), now=now)
        assert {bytes(each.xml) for each in StampedXml.objects.all()} == {bytes(each.xml) for each in rows}
        assert not Damage.objects.filter(repaired_at=None).exists()
        assert not list(scrubbing.damaged(StampedXml.objects.all()))

        _spoil(rows[0], 100)
        sandbox.stop()
        try:
            spoilt = StampedXml.objects.get(pk=rows[0].pk)
            assert not scrubbing.repair(spoilt, backup.owner_of(), now=now)
        finally:
            sandbox.start()
