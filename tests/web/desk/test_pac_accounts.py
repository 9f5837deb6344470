"""The PAC account as an administrator sees it: tried, replaced, its password never shown."""

from __future__ import annotations

import datetime as dt

import pytest

from emite.issuers.keys import open_pac_password
from emite.issuers.models import PacAccount
from emite.issuers.pac_accounts import run_test
from tests import make
from tests.make import Hospital
from tests.pac.sandbox import RunningSandbox
from tests.web.desk.staff import Person, audited, said

pytestmark = pytest.mark.django_db

SECRET = "muy secreta 91"


def test_an_account_is_replaced_tried_and_never_shows_its_password(issuing: Hospital, sandbox: RunningSandbox) -> None:
    admin, old = Person(issuing.admin), issuing.pac_account
    data = {"provider": "sandbox", "base_url": sandbox.url, "user": "pruebas", "password": SECRET}

    wrong = admin.post("pac", **data | {"base_url": "http://pac.example"})
    assert (wrong.status_code, "por https" in said(wrong)) == (422, True)
    assert SECRET not in wrong.content.decode()
    page = admin.follow(admin.post("pac", **data, max_processing="15"))

    assert "Cuenta guardada" in said(page)
    assert "Probando la conexión" in said(page)
    assert SECRET not in page.content.decode()
    new = PacAccount.objects.get(active=True)
    assert (new.pk != old.pk, open_pac_password(new), new.max_processing) == (True, SECRET, dt.timedelta(minutes=15))
    run_test(new.pk, now=make.now())
    assert "Revise el usuario y la contraseña" in said(admin.get("pac_test_piece", new.pk))
    admin.post("pac_password", new.pk, new_password="pruebas")
    run_test(new.pk, now=make.now())
    assert "El PAC responde y acepta la cuenta" in said(admin.get("pac"))
    assert [len(audited(issuing.organization, f"pac_account.{act}")) for act in ("replace", "password")] == [1, 1]


def test_without_a_worker_the_try_says_so(issuing: Hospital) -> None:
    admin = Person(issuing.admin)
    admin.post("pac_test", issuing.pac_account.pk)
    PacAccount.objects.update(test_asked_at=make.now() - dt.timedelta(minutes=2))
    assert "no está en marcha" in said(admin.get("pac"))
