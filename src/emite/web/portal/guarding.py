"""Who may try how often. Failures are counted, never successes: a hospital's Wi-Fi is one address.

A right code is always let in, whoever failed before it from the same place: with 75 random bits a guess is
hopeless, so the limit spares the server and tells the operator, and need not lock anybody out.
"""

from __future__ import annotations

import datetime as dt
import hmac

import structlog
from django.http import HttpRequest

from emite.cfdi.rfc import Rfc, RfcInvalid
from emite.charges.finding import by_code
from emite.charges.models import Charge
from emite.documents.models import FiscalDocument
from emite.limits.counting import Verdict, give_back, hit, network
from emite.organizations.models import Organization
from emite.web.client import address

log = structlog.get_logger(__name__)

CODE_LIMIT, CODE_PER = 10, dt.timedelta(minutes=10)
#: Somebody with a ticket in hand guesses the RFC on its invoice.
RFC_LIMIT, RFC_PER = 5, dt.timedelta(hours=1)
RFC_LIMIT_ALL, RFC_PER_ALL = 20, dt.timedelta(days=1)
#: Somebody with a ticket in hand guesses who was treated.
NAME_LIMIT, NAME_PER = 5, dt.timedelta(hours=1)
MAIL_LIMIT, MAIL_PER = 5, dt.timedelta(hours=1)
MAIL_LIMIT_NETWORK = 30


def find(
    request: HttpRequest, organization: Organization, typed: str, now: dt.datetime
) -> tuple[Charge | None, Verdict]:
    """The charge of a code, and when it is None whether this place has failed too often."""
    charge = by_code(organization, typed)
    if charge is not None:
        return charge, Verdict(True)
    verdict = hit("portal-code", network_of(request), limit=CODE_LIMIT, per=CODE_PER, now=now)
    if not verdict.allowed:
        log.warning("codes_guessed", organization=organization.slug)
    return None, verdict


def knows_rfc(request: HttpRequest, document: FiscalDocument, typed: str, now: dt.datetime) -> tuple[bool, Verdict]:
    """Whether somebody knows the RFC of an invoice; limited by ticket and place, and by ticket alone."""
    counted: list[tuple[str, str, int, dt.timedelta]] = []
    for scope, key, limit, per in (
        ("portal-rfc", f"{document.pk}\0{network_of(request)}", RFC_LIMIT, RFC_PER),
        ("portal-rfc-all", str(document.pk), RFC_LIMIT_ALL, RFC_PER_ALL),
    ):
        verdict = hit(scope, key, limit=limit, per=per, now=now)
        if not verdict.allowed:
            _give_back(counted)
            return False, verdict
        counted.append((scope, key, limit, per))
    try:
        rfc: str = Rfc.parse(typed)
    except RfcInvalid:
        rfc = ""
    if not hmac.compare_digest(rfc.encode(), document.receptor_rfc.encode()):
        return False, Verdict(True)
    _give_back(counted)
    return True, Verdict(True)


def _give_back(counted: list[tuple[str, str, int, dt.timedelta]]) -> None:
    for scope, key, limit, per in counted:
        give_back(scope, key, limit=limit, per=per)


def may_name(charge: Charge, now: dt.datetime, *, right: bool) -> bool:
    """Whether one more name of the patient may be answered; above the limit not even the right one is."""
    if not hit("portal-patient", str(charge.pk), limit=NAME_LIMIT, per=NAME_PER, now=now).allowed:
        return False
    if right:
        give_back("portal-patient", str(charge.pk), limit=NAME_LIMIT, per=NAME_PER)
    return True


def may_mail(request: HttpRequest, document: FiscalDocument, now: dt.datetime) -> Verdict:
    """Nobody turns the portal into a machine that writes to strangers."""
    verdict = hit("portal-mail", str(document.pk), limit=MAIL_LIMIT, per=MAIL_PER, now=now)
    if not verdict.allowed:
        return verdict
    return hit("portal-mail-place", network_of(request), limit=MAIL_LIMIT_NETWORK, per=MAIL_PER, now=now)


def network_of(request: HttpRequest) -> str:
    """The group of addresses that the client is counted with."""
    return network(address(request))
