"""What the words of the search box may mean, each as a query of its own that an index answers.

One query with OR over all of them would read the whole table: they are asked apart and put together by date.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product

from django.db import connection
from django.db.models import Q, QuerySet

from emite.cfdi.rfc import Rfc, RfcInvalid
from emite.charges import patient_words
from emite.charges.code import read_code
from emite.charges.finding import by_code
from emite.charges.models import Allocation, Charge, Payment, PaymentSlip
from emite.charges.models.charge import PREFIXES
from emite.documents.models import FiscalDocument
from emite.organizations.models import Organization
from emite.web.amounts import read_amount
from emite.web.desk.days import read_day

_FOLIO = re.compile(r"(rem|cop|ant|pag)[\s-]*0*(\d{1,15})", re.IGNORECASE | re.ASCII)
_WORD = re.compile(r"\w+")
#: Of a misspelt word, so many real ones are tried; of all their combinations, so many.
ALIKE, READINGS = 3, 6
#: Letters of the shortest word that an index of trigrams finds.
SHORTEST = 3
#: Of what has the words, the amount or the card, the newest so many; the page after goes on before them.
NEWEST = 500


@dataclass(frozen=True, slots=True)
class Window:
    """From a moment on, and before another: what is asked for outside of it need not be looked for."""

    since: dt.datetime | None = None
    until: dt.datetime | None = None


def meanings(
    organization: Organization, text: str, today: dt.date, window: Window = Window()
) -> list[QuerySet[Charge]]:
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
    wanted = [meaning(organization, text, today) for meaning in (_number, _card, _day, _invoice)]
    wanted += [_amount(organization, text, window), _name(organization, text, window)]
    return [charges.filter(each) for each in wanted if each is not None]


def alike(organization: Organization, text: str, limit: int) -> list[Charge]:
    """Charges whose patient's name is nearly that, the nearest first: for when nothing has the very words.

    Each word is taken for the words that patients do have, and the names with those are looked up as if typed so.
    """
    if _FOLIO.fullmatch(text) or read_code(text):
        return []
    words = [word for word in _WORD.findall(plain(text)) if len(word) >= SHORTEST and not word.isdigit()][:4]
    order: dict[uuid.UUID, int] = {}
    for reading in _readings(patient_words.like(organization.pk, words, each=ALIKE)):
        for pk in _found(organization, patterns=[f"%{word}%" for word in reading], limit=limit - len(order)):
            order.setdefault(pk, len(order))
        if len(order) >= limit:
            break
    rows = Charge.objects.filter(organization=organization, pk__in=order).defer("code_hash", "code_cipher")
    return sorted(rows, key=lambda charge: order[charge.pk])


def _readings(words: list[list[patient_words.Likeness]]) -> list[list[str]]:
    """What the words typed may have meant, the likeliest first; none while one of them is like no word of a name."""
    if not words:
        return []
    ways = sorted(product(*words), key=lambda way: sum(each.closeness for each in way), reverse=True)
    return [[each.word for each in way] for way in ways[:READINGS]]


def _found(
    organization: Organization,
    *,
    patterns: Sequence[str] = (),
    amount: Decimal | None = None,
    window: Window = Window(),
    limit: int = NEWEST,
) -> list[uuid.UUID]:
    """By the indexes of names and amounts, through the function of the database that may use them."""
    if not patterns and amount is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM charges_found(%s, %s::text[], '{}', %s, 1, %s, %s, %s)",
            [organization.pk, list(patterns), amount, window.since, window.until, limit],
        )
        return [row[0] for row in cursor.fetchall()]


def plain(text: str) -> str:
    """As charges_plain() writes it: no accents, lower case."""
    bare = unicodedata.normalize("NFKD", text.lower())
    return "".join(each for each in bare if not unicodedata.combining(each))


def _by_folio(organization: Organization, prefix: str, number: int) -> Q:
    if prefix == "pag":
        slips = PaymentSlip.objects.filter(organization=organization, number=number)
        return Q(pk__in=list(slips.values_list("charge_id", flat=True)))
    kinds = {said.lower(): kind for kind, said in PREFIXES.items()}
    return Q(number=number, kind=kinds[prefix])


def _number(organization: Organization, text: str, today: dt.date) -> Q | None:
    if not (text.isascii() and text.isdigit()) or len(text) > 15:
        return None
    return Q(number=int(text), kind__in=Charge.Kind.values)


def _amount(organization: Organization, text: str, window: Window) -> Q | None:
    try:
        amount = read_amount(text)
    except ValueError:
        return None
    if not Decimal(0) < amount < 10**15:
        return None
    return Q(pk__in=_found(organization, amount=amount, window=window))


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
    """Issued from the first day to the last: the index is of moments."""
    start, end = bounds(organization, since, until)
    return Q(**({"issued_at__gte": start} if start else {}), **({"issued_at__lt": end} if end else {}))


def bounds(
    organization: Organization, since: dt.date | None, until: dt.date | None
) -> tuple[dt.datetime | None, dt.datetime | None]:
    """When the first day begins and when the last ends, by the clocks of the organization."""
    start = dt.datetime.combine(since, dt.time(), organization.zone) if since else None
    end = dt.datetime.combine(until + dt.timedelta(days=1), dt.time(), organization.zone) if until else None
    return start, end


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


def is_too_short(text: str) -> bool:
    """A name of which no word can be looked up: nearly every patient has those letters somewhere."""
    words = plain(text).split()
    return any(map(str.isalpha, text)) and all(len(word) < SHORTEST for word in words)


def _name(organization: Organization, text: str, window: Window) -> Q | None:
    """Every word somewhere in the name, without minding accents or case."""
    words = plain(text).split()[:8]
    if not any(character.isalpha() for character in text) or is_too_short(text):
        return None
    patterns = ["%" + re.sub(r"([\\%_])", r"\\\1", word) + "%" for word in words]
    return Q(pk__in=_found(organization, patterns=patterns, window=window))
