"""What a person decides on an invoice that no machine can finish, with what it entails for its charges.

One transaction each. What may be decided, and by whom, is `documents.resolving`'s.
"""

from __future__ import annotations

import datetime as dt
import uuid

from django.db import transaction

from emite.accounts.models import User
from emite.documents import resolving
from emite.documents.models import FiscalDocument
from emite.invoices.stamping import entail


@transaction.atomic
def look_up_again(pk: uuid.UUID, organization_id: uuid.UUID, *, user: User, now: dt.datetime) -> FiscalDocument:
    """See `documents.resolving.look_up_again`."""
    return resolving.look_up_again(pk, organization_id, user=user, now=now)


@transaction.atomic
def give_up(pk: uuid.UUID, organization_id: uuid.UUID, *, reason: str, user: User, now: dt.datetime) -> FiscalDocument:
    """Discard it, now or once it is proved that it was not stamped; its charges are free from that moment on."""
    document = resolving.give_up(pk, organization_id, reason=reason, user=user, now=now)
    entail(document, now)
    return document


@transaction.atomic
def keep(pk: uuid.UUID, organization_id: uuid.UUID, *, user: User, now: dt.datetime) -> FiscalDocument:
    """See `documents.resolving.keep`."""
    return resolving.keep(pk, organization_id, user=user, now=now)


@transaction.atomic
def import_stamp(
    pk: uuid.UUID, organization_id: uuid.UUID, xml: bytes, *, user: User, now: dt.datetime
) -> FiscalDocument:
    """Store a stamp that the PAC shows in its own pages; mail and notices follow as when an answer arrives."""
    document = resolving.import_stamp(pk, organization_id, xml, user=user, now=now)
    entail(document, now)
    return document
