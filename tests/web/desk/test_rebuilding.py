"""A global cancelled and issued again, as the desk sees it: on the remisión, on its closing and on the first page."""

from __future__ import annotations

import uuid

import pytest
from django.urls import reverse

from emite.cancellations import following
from emite.cancellations.models import CancellationRequest, GlobalRebuild
from emite.charges.allocating import live_document
from emite.organizations.models import Organization
from tests import make
from tests.cancellations.sweeping import OWNER, sweep
from tests.credits.stands import in_global, sound
from tests.make import Hospital
from tests.pac.sandbox import RunningSandbox
from tests.web.desk.staff import Person, said
from tests.web.portal.patient import DATA

pytestmark = pytest.mark.django_db


def test_the_desk_follows_it_and_issues_again_what_was_refused(issuing: Hospital, sandbox: RunningSandbox) -> None:
    Organization.objects.filter(pk=issuing.organization.pk).update(late_road="rebuild")
    charge, other = in_global(issuing, make.paid_charge(issuing), make.paid_charge(issuing))
    document = live_document(charge)
    assert document is not None
    biller, closing = Person(issuing.biller), document.global_document.closing_id
    asked = biller.follow(biller.post("nominative", charge.pk, **DATA, clave_envio=str(uuid.uuid4())))
    assert "Solicitada" in said(asked)
    assert "Cancelando la global" in said(biller.get("charge", charge.pk))
    page = said(biller.get("closing_progress", closing))
    assert f"Se pidió cancelar la factura {document.serie}{document.folio} con motivo 04" in page
    following.drive(CancellationRequest.objects.get().pk, owner=OWNER, clock=make.now)
    assert "se está timbrando la que la sustituye" in said(biller.get("closing_progress", closing))
    sandbox.control("lco", without_obligations=[issuing.issuer.rfc])
    try:
        sweep(2)
    finally:
        sandbox.control("lco", without_obligations=[])
    page = said(biller.get("closing_progress", closing))
    assert "la que la sustituye no se timbró (402)" in page
    assert "Cerrar lo que falta" not in page
    made = GlobalRebuild.objects.get()
    again = reverse("desk:closing_again", args=[made.pk])
    assert again in biller.get("closing_progress", closing).content.decode()
    first = said(biller.get("home"))
    assert first.count("Falta emitir otra vez la global") == 1
    assert Person(issuing.cashier).post("closing_again", made.pk).status_code == 403
    assert Person(make.hospital().biller).post("closing_again", made.pk).status_code == 404
    assert "Se está emitiendo otra vez" in said(biller.follow(biller.post("closing_again", made.pk)))
    assert "Ya no hace falta" in said(biller.follow(biller.post("closing_again", made.pk)))
    sweep()
    new = live_document(other)
    assert new is not None
    page = said(biller.get("closing_progress", closing))
    assert f"y la sustituye la {new.serie}{new.folio}" in page
    assert "1 de 2 facturas timbradas" in page  # beside the one that was refused
    sound(issuing)
