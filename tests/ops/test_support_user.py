"""`emite support-user`: an operator without a password that anybody saw."""

from __future__ import annotations

import pytest

from emite.accounts import second_step
from emite.accounts.models import User
from emite.audit.models import AuditEvent
from emite.database.trouble import Trouble
from emite.ops import support_user
from tests import make

pytestmark = pytest.mark.django_db


def test_an_operator_chooses_a_password_behind_a_link() -> None:
    with pytest.raises(Trouble, match="--name"):
        support_user.make("oscar@emite.test", "", forget=False, now=make.now())
    said = support_user.make(" Oscar@Emite.test ", "Óscar Lima", forget=False, now=make.now())

    oscar = User.objects.get(email="oscar@emite.test")
    assert (oscar.is_operator, oscar.has_usable_password()) == (True, False)
    assert f"/entrar/contrasena/{oscar.pk}/" in said
    assert AuditEvent.objects.get(action="operator.create").after["email"] == oscar.email


def test_a_lost_telephone_is_forgotten_and_sessions_end() -> None:
    oscar = make.user("Oscar", is_operator=True)
    second_step.start(oscar)
    version = oscar.session_version

    support_user.make(oscar.email, "", forget=True, now=make.now())

    oscar.refresh_from_db()
    assert oscar.session_version > version
    assert not hasattr(oscar, "authenticator")
