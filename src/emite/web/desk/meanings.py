"""What the words of the search box may mean, each as a query of its own that an index answers.

One query with OR over all of them would read the whole table: they are asked apart and put together by date.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
import uuid
from collections.abc import Callable
from decimal import Decimal

from django.db import connection, transaction
from django.db.models import BooleanField, F, FloatField, Func, Q, QuerySet, Value

from emite.cfdi.rfc import Rfc, RfcInvalid
from emite.charges.code import read_code
from emite.charges.finding import by_code
from emite.charges.models import Allocation, Charge, Payment, PaymentSlip
from emite.charges.models.charge import Plain
from emite.documents.models import FiscalDocument
from emite.organizations.models import Organization
from emite.web.desk.amounts import read_amount
from emite.web.desk.days import read_day

_FOLIO = re.compile(r"(rem|cop|pag)[\s-]*0*(\d{1,15})", re.IGNORECASE | re.ASCII)
_WORD = re.compile(r"\w+")
#: How much of a misspelt word must be there: "garsia" shares four of the seven trigrams of "garcia".
ALIKE = 0.5
#: Of a card's digits, or of an invoice's charges, the newest so many.
NEWEST = 200

Meaning = Callable[[Organization, str, dt.date], Q | None]


def meanings(organization: Organization, text: str, today: dt.date) -> list[QuerySet[Charge]]:
    """The organization's charges by each thing that the text may mean: code, folio, amount, card, day, RFC, name."""
    charges = Charge.objects.filter(organization=organization)
    if not text:
        return [charges]
    if read_code(text):
        found = by_code(organization, text)
        return [charges.filter(pk=found.pk)] if found else []
    folio = _FOLIO.fullmatch(text)
    if folio:
        return [charges.filter(_by_folio(organization, folio[1].lower(), int(folio[2])))]
    wanted = [meaning(organization, text, today) for meaning in (_number, _amount, _card, _day, _invoice, _name)]
    return [charges.filter(each) for each in wanted if each is not None]


def alike(organization: Organization, text: str, limit: int) -> list[Charge]:
    """Charges whose patient's name is nearly that, the nearest first: for when nothing has the very words."""
    words = [word for word in _WORD.findall(plain(text)) if len(word) > 2 and not word.isdigit()]
    if not words:
        return []
    near = Charge.objects.filter(organization=organization)
    name = Plain(F("patient_name"))
    for word in words[:4]:
        near = near.filter(Func(Value(word), name, template="%(expressions)s", arg_joiner=" <%% ",
                                output_field=BooleanField()))  # fmt: skip
    likeness = Func(Value(" ".join(words)), name, function="word_similarity", output_field=FloatField())
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('pg_trgm.word_similarity_threshold', %s, true)", [str(ALIKE)])
        return list(near.order_by(likeness.desc(), "-issued_at")[:limit])


def plain(text: str) -> str:
    """As charges_plain() writes it: no accents, lower case."""
    bare = unicodedata.normalize("NFKD", text.lower())
    return "".join(each for each in bare if not unicodedata.combining(each))


def _by_folio(organization: Organization, prefix: str, number: int) -> Q:
    if prefix == "pag":
        slips = PaymentSlip.objects.filter(organization=organization, number=number)
        return Q(pk__in=list(slips.values_list("charge_id", flat=True)))
    return Q(number=number, kind=Charge.Kind.REMISION if prefix == "rem" else Charge.Kind.COPAGO)


def _number(organization: Organization, text: str, today: dt.date) -> Q | None:
    if not (text.isascii() and text.isdigit()) or len(text) > 15:
        return None
    return Q(number=int(text), kind__in=Charge.Kind.values)


def _amount(organization: Organization, text: str, today: dt.date) -> Q | None:
    try:
        amount = read_amount(text)
    except ValueError:
        return None
    return Q(total=amount) if Decimal(0) < amount < 10**15 else None


def _card(organization: Organization, text: str, today: dt.date) -> Q | None:
    digits = text.replace("*", "").replace("·", "").replace(".", "").strip()
    if not re.fullmatch("[0-9]{4}", digits):
        return None
    paid = Payment.objects.filter(organization=organization, last4=digits).exclude(last4="").order_by("-id")
    found = list(paid.values_list("charge_id", flat=True)[:NEWEST])
    return Q(pk__in=found) if found else None


def _day(organization: Organization, text: str, today: dt.date) -> Q | None:
    day = read_day(text, today)
    return within(organization, day, day) if day else None


def within(organization: Organization, since: dt.date | None, until: dt.date | None) -> Q:
    """Issued from the first day to the last, by the clocks of the organization: the index is of moments."""
    wanted = Q()
    if since:
        wanted &= Q(issued_at__gte=dt.datetime.combine(since, dt.time(), organization.zone))
    if until:
        wanted &= Q(issued_at__lt=dt.datetime.combine(until + dt.timedelta(days=1), dt.time(), organization.zone))
    return wanted


def _invoice(organization: Organization, text: str, today: dt.date) -> Q | None:
    documents = FiscalDocument.objects.filter(organization=organization)
    try:
        documents = documents.filter(uuid=uuid.UUID(text))
    except ValueError:
        try:
            documents = documents.filter(receptor_rfc=Rfc.parse(text))
        except RfcInvalid:
            return None
    known = list(documents.order_by("-created_at").values_list("pk", flat=True)[:NEWEST])
    bound = Allocation.objects.filter(organization=organization, document__in=known).order_by("-created_at")
    found = list(bound.values_list("charge_id", flat=True)[:NEWEST])
    return Q(pk__in=found) if found else None


def _name(organization: Organization, text: str, today: dt.date) -> Q | None:
    """Every word somewhere in the name, without minding accents or case."""
    words = plain(text).split()[:8]
    if not words or not any(character.isalpha() for character in text):
        return None
    wanted = Q()
    for word in words:
        like = "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        wanted &= Q(
            Func(Plain(F("patient_name")), Value(like), template="%(expressions)s", arg_joiner=" LIKE ",
                 output_field=BooleanField())
        )  # fmt: skip
    return wanted
