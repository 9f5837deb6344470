"""Cancelaciones por aceptar: told on the first page, answered by who may with a reason, with what came back; nobody
else's."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest

from emite.cancellations.models import AnswerAcuse, PendingList, ReceivedCancellation
from emite.cfdi import plazos
from tests import make
from tests.make import Hospital
from tests.pac.sandbox import RunningSandbox
from tests.web.desk.staff import Person, said

pytestmark = pytest.mark.django_db


def received(of: Hospital, *, days_ago: int = 0) -> ReceivedCancellation:
    seen = make.now() - dt.timedelta(days=days_ago)
    return ReceivedCancellation.objects.create(
        organization=of.organization, issuer=of.issuer, uuid=uuid.uuid4(), first_seen_at=seen, seen_at=seen,
        due=plazos.accept_by(seen.date()),
    )  # fmt: skip


def test_it_is_told_and_answered_once_with_a_reason(issuing: Hospital, sandbox: RunningSandbox) -> None:
    of, biller = issuing, Person(issuing.biller)
    assert "Nadie espera su respuesta" in said(biller.get("answers"))
    row, late = received(of), received(of, days_ago=30)
    assert "Piden cancelar una factura recibida" in said(biller.get("home"))
    page = said(biller.get("answers"))
    assert str(row.uuid).upper() in page
    assert "días hábiles" in page
    assert f"Venció el {late.due:%d/%m/%Y}" in page
    assert "2 por contestar" in said(biller.get("requests"))

    nothing = biller.post("answer", row.pk)
    assert (nothing.status_code, "Elija aceptar o rechazar" in said(nothing)) == (422, True)
    bare = biller.post("answer", row.pk, answer="Rechazo", reason=" ")
    assert (bare.status_code, "por qué se rechaza" in said(bare)) == (422, True)
    assert Person(of.cashier).post("answer", row.pk, answer="Aceptacion").status_code == 403
    stranger = Person(make.hospital().biller)
    assert stranger.post("answer", row.pk, answer="Aceptacion").status_code == 404
    sent = biller.post("answer", row.pk, answer="Rechazo", reason="Ya se pagó")
    assert "va en camino al SAT" in said(biller.follow(sent))
    row.refresh_from_db()
    assert (row.state, row.answer, row.answered_by) == ("answering", "Rechazo", of.biller)
    other = biller.post("answer", row.pk, answer="Aceptacion")
    assert (other.status_code, "Ya no se puede contestar" in said(other)) == (422, True)

    assert biller.get("answer_acuse", row.pk).status_code == 404
    AnswerAcuse.objects.create(
        organization=of.organization, request=row, code="1000", is_sats=True, content=b"<Acuse/>", sha256=b"x" * 32,
        stored_at=make.now(),
    )  # fmt: skip
    assert biller.get("answer_acuse", row.pk).content == b"<Acuse/>"
    assert stranger.get("answer_acuse", row.pk).status_code == 404


def test_a_person_asks_now_but_not_again_at_once(issuing: Hospital, sandbox: RunningSandbox) -> None:
    biller, now = Person(issuing.biller), make.now()
    assert "todavía falta" in said(biller.follow(biller.post("answers_ask")))
    kept = PendingList.objects.create(
        organization=issuing.organization, issuer=issuing.issuer, next_at=now + dt.timedelta(hours=4), last_text="caído"
    )
    assert "La última vez: caído" in said(biller.get("answers"))
    assert "Se está preguntando" in said(biller.follow(biller.post("answers_ask")))
    kept.refresh_from_db()
    assert kept.next_at <= make.now()
    PendingList.objects.filter(pk=kept.pk).update(asked_at=make.now())
    assert "hace un momento" in said(biller.follow(biller.post("answers_ask")))
