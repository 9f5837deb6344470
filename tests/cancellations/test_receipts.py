"""An acuse whose answer was lost is asked of the PAC again, checked, and kept once; nobody else's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from emite.cancellations import following, receipts, requesting
from emite.cancellations.models import Acuse, CancellationRequest, State
from emite.cancellations.requesting import NotAllowed, NotCancellable
from emite.charges.allocating import live_document
from emite.pac.port import Evidence, Fetched
from tests import make
from tests.credits.stands import invoiced
from tests.pac.sandbox import RunningSandbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hospital(sandbox: RunningSandbox, settings: object) -> Iterator[make.Hospital]:
    with make.behind(sandbox, settings) as made:
        yield made


def test_a_lost_acuse_is_found_again(
    hospital: make.Hospital, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = live_document(invoiced(hospital))
    assert document is not None
    asked = requesting.request_cancellation(document, "03", user=hospital.biller, now=make.now())
    with pytest.raises(NotCancellable):
        receipts.ask(asked, user=hospital.biller)
    sandbox.next("cut_after", op="cancel")
    for minutes in (0, 5, 10):
        following.drive(asked.pk, owner="test:1", clock=lambda m=minutes: make.now() + dt.timedelta(minutes=m))  # type: ignore[misc]
    asked = CancellationRequest.objects.get(pk=asked.pk)
    assert asked.state == State.CANCELLED, "SAT's status told, not the answer"
    assert not Acuse.objects.filter(request=asked).exists()

    with pytest.raises(NotAllowed):
        receipts.ask(asked, user=hospital.cashier)
    receipts.ask(asked, user=hospital.biller)
    given = SimpleNamespace(
        capabilities=SimpleNamespace(receipts=True),
        receipt=lambda rfc, uuid: Fetched(b"<Acuse/>", Evidence(200, "", b"", None, 1)),
    )
    with monkeypatch.context() as lying:
        lying.setattr(receipts, "adapter", lambda account: given)
        assert not receipts.fetch(asked.pk, now=make.now()), "of something else"
    assert receipts.fetch(asked.pk, now=make.now())
    assert not receipts.fetch(asked.pk, now=make.now())
    assert Acuse.objects.get(request=asked).code == "201"
    with pytest.raises(NotCancellable):
        receipts.ask(asked, user=hospital.biller)
