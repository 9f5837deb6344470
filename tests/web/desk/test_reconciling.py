"""The page of what differs: said once on the first page too, mended in one press by who may, closed with a reason."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest

from emite.charges.allocating import live_document
from emite.documents.models import State
from emite.reconciling import comparing
from emite.reconciling.models import Comparison, Difference
from emite.reconciling.noting import found, unheld
from tests import make
from tests.credits.stands import invoiced
from tests.make import Hospital
from tests.pac.sandbox import RunningSandbox
from tests.web.desk.staff import Person, said

pytestmark = pytest.mark.django_db


def test_what_differs_is_said_mended_and_closed(issuing: Hospital, sandbox: RunningSandbox) -> None:
    of, biller = issuing, Person(issuing.biller)
    sandbox.control("stamps", "DELETE")  # what other tests stamped with this RFC would be unknown here
    assert "Todo coincide" in said(biller.get("reconciliation"))
    charge, other = invoiced(of), invoiced(of)
    document, second = live_document(charge), live_document(other)
    assert document is not None
    assert second is not None
    assert second.uuid is not None
    sandbox.control("cancel", uuid=str(document.uuid))
    assert "Se está comparando" in said(biller.follow(biller.post("reconciliation_compare")))
    assert "Ya se está comparando" in said(biller.follow(biller.post("reconciliation_compare")))
    comparing.run(Comparison.objects.get().pk, clock=make.now)
    page = said(biller.get("reconciliation"))
    assert "2 documentos" in page
    assert "El SAT la tiene cancelada y aquí está viva" in page
    assert "no coincide" in said(biller.get("home"))
    row = Difference.objects.get()
    assert Person(of.cashier).post("reconciliation_mend", row.pk).status_code == 403
    stranger = Person(make.hospital().biller)
    assert stranger.post("reconciliation_mend", row.pk).status_code == 404
    assert "quedó registrada" in said(biller.follow(biller.post("reconciliation_mend", row.pk))).lower()
    assert "ya se cerró" in said(biller.follow(biller.post("reconciliation_mend", row.pk)))
    document.refresh_from_db()
    assert document.state == State.CANCELLED

    orphan = found(second, Difference.Kind.DUPLICATE, second.uuid, make.now() - dt.timedelta(hours=1), xml=b"<x/>")
    assert biller.get("reconciliation_xml", orphan.pk).content == b"<x/>"
    assert stranger.get("reconciliation_xml", orphan.pk).status_code == 404
    empty = biller.post("reconciliation_aside", orphan.pk, reason=" ")
    assert "por qué" in said(biller.follow(empty))
    biller.post("reconciliation_aside", orphan.pk, reason="Ya se canceló en el PAC")
    unheld(of.organization.pk, uuid.uuid4(), make.now(), xml=None)
    page = said(biller.get("reconciliation"))
    assert "No está aquí" in page
    assert "Registrarla aquí" not in page, "without its XML there is nothing to write"
    assert "no está aquí" in said(biller.get("home"))
    last = Difference.objects.get(document=None)
    assert "no dio su XML" in said(biller.follow(biller.post("reconciliation_bring", last.pk)))
    biller.post("reconciliation_aside", last.pk, reason="De otro sistema")
    assert "Todo coincide" in said(biller.get("reconciliation"))
