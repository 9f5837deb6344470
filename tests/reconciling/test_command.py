"""`emite reconcile` as its operator reads it: nothing where all agrees, one line for what SAT says otherwise."""

from __future__ import annotations

import pytest

from emite.database.trouble import Trouble
from emite.ops import reconcile
from tests import make
from tests.credits.stands import invoiced
from tests.pac.sandbox import RunningSandbox

pytestmark = pytest.mark.django_db


def test_only_what_differs_is_printed(sandbox: RunningSandbox, settings: object) -> None:
    with make.behind(sandbox, settings) as hospital:
        invoiced(hospital)
        slug = hospital.organization.slug
        assert list(reconcile.differences(slug, 4)) == []
        stamp = next(each for each in sandbox.stamps() if each["rfc_emisor"] == hospital.issuer.rfc)
        sandbox.control("cancel", uuid=stamp["uuid"])
        (line,) = reconcile.differences(slug, 4)
        assert line.startswith(f"{slug}: {stamp['uuid'].upper()}")
    with pytest.raises(Trouble, match="No hay una organización"):
        list(reconcile.differences("nadie", 4))
