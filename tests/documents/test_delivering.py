"""Mails of a document: which are due, and what becomes of one that cannot be made."""

from __future__ import annotations

import uuid

import pytest

from emite.documents import delivering
from emite.documents.models import Delivery, FiscalDocument, State
from emite.invoices import issuing
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)


def document(*, stamped: bool) -> FiscalDocument:
    hospital = make.hospital()
    made = issuing.issue(
        make.paid_charge(hospital), issuing.Request(make.receptor()), channel="portal", user=hospital.biller,
        now=make.now(), idempotency_key="one",
    )  # fmt: skip
    if stamped:
        rows = FiscalDocument.objects.filter(pk=made.pk)
        rows.update(state=State.STAMPED, uuid=uuid.uuid4(), stamped_at=make.now(), folio="1", serie="R", seal_rev=1)
        made.refresh_from_db()
    return made


def mail(of: FiscalDocument) -> Delivery:
    return Delivery.objects.create(
        organization_id=of.organization_id, document=of, address="ana@correo.test", requested_at=make.now()
    )


def test_a_mail_asked_for_while_the_stamp_arrived_is_due() -> None:
    waiting, lost = mail(document(stamped=False)), mail(document(stamped=True))
    assert delivering.due(now=make.now(), limit=10) == [lost.pk]
    assert Delivery.objects.get(pk=waiting.pk).next_at is None


def test_a_mail_that_cannot_be_made_is_given_up_in_the_end() -> None:
    """There are no bytes to send: a fault that nobody foresaw must not be tried for ever."""
    sent = mail(document(stamped=True))
    now = make.now()
    for _ in range(len(delivering.PAUSES) + 1):
        assert not delivering.deliver(sent.pk, now=now)
        sent.refresh_from_db()
        now = sent.next_at or now
    assert (sent.state, sent.last_error, sent.next_at) == (Delivery.State.FAILED, "DoesNotExist", None)
