"""`emite reconcile` as its operator reads it: nothing where all agrees, one line for what SAT says otherwise."""

from __future__ import annotations

import pytest

from emite.charges.allocating import live_document
from emite.database.trouble import Trouble
from emite.ops import reconcile
from tests import make
from tests.credits.stands import invoiced
from tests.pac.sandbox import RunningSandbox

pytestmark = pytest.mark.django_db


def test_only_what_differs_is_printed(sandbox: RunningSandbox, settings: object) -> None:
    with make.behind(sandbox, settings) as hospital:
        document = live_document(invoiced(hospital))
        assert document is not None
        slug = hospital.organization.slug
        assert list(reconcile.differences(slug, 4)) == []
        sandbox.control("cancel", uuid=str(document.uuid))
        (line,) = reconcile.differences(slug, 4)
        assert line.startswith(f"{slug}: {str(document.uuid).upper()}")
    with pytest.raises(Trouble, match="No hay una organización"):
        list(reconcile.differences("nadie", 4))
