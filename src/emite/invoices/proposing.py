"""What a period's factura global would take, and what stays out and why. One WHERE for both, and for the taking.

A charge belongs to the period in which it was paid in full. Rows come as plain text: there may be 100,000.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from emite.cfdi.zones import zone_of
from emite.charges.models import Charge
from emite.invoices.models import Closing
from emite.invoices.periods import Period
from emite.issuers.models import Issuer
from emite.organizations.models import Branch

#: A charge that was left behind (freed by a refusal, paid after an early close) enters a later period up to this old.
ARREARS = dt.timedelta(days=62)

# The index of paid_at bounds it from both sides, however many years of charges there are. What was closed under a
# mistyped postal code, corrected since, was closed all the same.
_PAID_IN_TIME = """
    c.organization_id = %(organization)s AND c.issuer_id = %(issuer)s AND c.state = 'open' AND c.paid = c.total
    AND (c.lugar_expedicion = %(place)s OR (c.lugar_expedicion IS NULL AND c.issued_at <@ %(own)s::tstzmultirange))
    AND c.paid_at >= %(floor)s AND c.paid_at < %(ends)s
    AND (c.paid_at >= %(starts)s OR EXISTS (
        SELECT 1 FROM invoices_closing q
        WHERE q.organization_id = c.organization_id AND q.issuer_id = c.issuer_id
          AND (q.lugar_expedicion = %(place)s
               OR (c.lugar_expedicion IS NULL AND q.lugar_expedicion <> ALL(%(places)s)))
          AND q.state = 'done'
          AND c.paid_at >= q.starts_at AND c.paid_at < q.ends_at))
"""
_LIVE = "SELECT 1 FROM charges_allocation a WHERE a.charge_id = c.id AND a.active"
# Its deposit was invoiced already: only an invoice that is related to it can say so.
_BY_DEPOSIT = "SELECT 1 FROM charges_anticipoapplication p WHERE p.account_id = c.id AND p.active"
ELIGIBLE = f"{_PAID_IN_TIME} AND NOT EXISTS ({_LIVE}) AND NOT EXISTS ({_BY_DEPOSIT})"
# Pieces of ours, never of a person: values travel apart.
_SUM = f"SELECT count(*), coalesce(sum(c.total), 0) FROM charges_charge c WHERE {ELIGIBLE}"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose charges and of which period. `place` is the postal code where the global is issued: its clocks count."""

    issuer: Issuer
    period: Period
    place: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    #: When it was the issuer's own place: the charges without a place that were made then are of it.
    own: str
    #: All places of the issuer: a closing of another one was of a mistyped postal code.
    places: list[str]

    @classmethod
    def of(cls, issuer: Issuer, period: Period, place: str = "") -> Scope:
        """By the clocks of a place of issue, the issuer's own unless said. Raises ValueError for none of SAT's."""
        place = place or issuer.lugar_expedicion
        return cls(issuer, period, place, *period.bounds(zone_of(place)), stayed(issuer, place), places(issuer))

    @classmethod
    def of_closing(cls, closing: Closing) -> Scope:
        """By the place and the moments that the closing was made with."""
        issuer, place = closing.issuer, closing.lugar_expedicion
        own, known = stayed(issuer, place), places(issuer)
        if closing.state == Closing.State.RUNNING and place not in known:
            own = stayed(issuer, issuer.lugar_expedicion)  # corrected meanwhile: what has begun ends as it began
        return cls(issuer, closing.period, place, closing.starts_at, closing.ends_at, own, known)

    @property
    def values(self) -> dict[str, Any]:
        return {
            "organization": self.issuer.organization_id,
            "issuer": self.issuer.pk,
            "place": self.place,
            "own": self.own,
            "places": self.places,
            "starts": self.starts_at,
            "ends": self.ends_at,
            "floor": self.starts_at - ARREARS,
        }


@dataclass(frozen=True, slots=True)
class Sum:
    """How many charges and how many pesos."""

    charges: int
    total: Decimal


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A charge that does not enter, in the words of `why`: owed, asked, anticipo, invoiced, in_global, void."""

    pk: uuid.UUID
    folio: str
    total: Decimal
    why: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What enters, what of it comes from earlier periods, and what stays out by reason."""

    enters: Sum
    late: Sum
    out: dict[str, Sum]
    examples: tuple[LeftOut, ...]


def places(issuer: Issuer) -> list[str]:
    """Where the issuer may have charges to close: its own place, where it was before, and its branches, retired or not.

    Branches with one postal code share it: SAT's place is the postal code.
    """
    rows = Branch.objects.filter(organization=issuer.organization_id).order_by("postal_code")
    own = [place for place, _ in reversed(issuer.stays())]
    return list(dict.fromkeys([*own, *rows.values_list("postal_code", flat=True)]))


def stayed(issuer: Issuer, place: str) -> str:
    """When the issuer's own place was this one, as PostgreSQL writes a tstzmultirange; `{}`: never."""
    since, spans = "", []
    for each, moved in issuer.stays():
        until = moved.isoformat() if moved else ""
        if each == place:
            spans.append(f"[{since},{until})")
        since = until
    return f"{{{','.join(spans)}}}"


def eligible(scope: Scope) -> Sum:
    """How much would enter now."""
    with connection.cursor() as cursor:
        cursor.execute(_SUM, scope.values)
        return Sum(*cursor.fetchone())


def propose(scope: Scope, *, examples: int = 20) -> Proposal:
    """Everything the page of a period says. Four queries, none by the row."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT count(*), coalesce(sum(c.total), 0), count(*) FILTER (WHERE c.paid_at < %(starts)s),
                       coalesce(sum(c.total) FILTER (WHERE c.paid_at < %(starts)s), 0)
                FROM charges_charge c WHERE {ELIGIBLE}""",  # noqa: S608
            scope.values,
        )
        charges, total, late, late_total = cursor.fetchone()
        cursor.execute(f"SELECT why, count(*), sum(total) FROM ({_OUT}) o GROUP BY why", scope.values)  # noqa: S608
        out = {why: Sum(count, amount) for why, count, amount in cursor.fetchall()}
        cursor.execute(
            f"""SELECT * FROM (SELECT o.*, row_number() OVER (PARTITION BY why ORDER BY number DESC) AS place
                               FROM ({_OUT}) o WHERE why IN ('owed', 'asked', 'anticipo')) e
                WHERE place <= %(examples)s ORDER BY why, number DESC""",  # noqa: S608
            scope.values | {"examples": examples},
        )
        shown = tuple(
            LeftOut(pk, folio(kind, number), amount, why) for pk, kind, number, amount, why, _ in cursor.fetchall()
        )
    return Proposal(Sum(charges, total), Sum(late, late_total), out, shown)


# Each window with its index: charges issued in the period and still owed or void, and those paid in it.
_OUT = f"""
    SELECT c.id, c.kind, c.number, c.total,
           CASE WHEN c.state = 'void' THEN 'void' ELSE 'owed' END AS why
    FROM charges_charge c
    WHERE c.organization_id = %(organization)s AND c.issuer_id = %(issuer)s
      AND (c.lugar_expedicion = %(place)s OR (c.lugar_expedicion IS NULL AND c.issued_at <@ %(own)s::tstzmultirange))
      AND c.issued_at >= %(starts)s AND c.issued_at < %(ends)s AND (c.state = 'void' OR c.paid < c.total)
    UNION ALL
    SELECT c.id, c.kind, c.number, c.total,
           CASE WHEN d.channel = 'global' THEN 'in_global'
                WHEN d.state IN ('stamped', 'cancelled') THEN 'invoiced' ELSE 'asked' END
    FROM charges_charge c
    JOIN charges_allocation a ON a.charge_id = c.id AND a.active
    JOIN documents_fiscaldocument d ON d.id = a.document_id
    WHERE c.organization_id = %(organization)s AND c.issuer_id = %(issuer)s AND c.state = 'open' AND c.paid = c.total
      AND (c.lugar_expedicion = %(place)s OR (c.lugar_expedicion IS NULL AND c.issued_at <@ %(own)s::tstzmultirange))
      AND c.paid_at >= %(starts)s AND c.paid_at < %(ends)s
    UNION ALL
    SELECT c.id, c.kind, c.number, c.total, 'anticipo'
    FROM charges_charge c
    WHERE c.organization_id = %(organization)s AND c.issuer_id = %(issuer)s AND c.state = 'open' AND c.paid = c.total
      AND (c.lugar_expedicion = %(place)s OR (c.lugar_expedicion IS NULL AND c.issued_at <@ %(own)s::tstzmultirange))
      AND c.paid_at >= %(starts)s AND c.paid_at < %(ends)s AND EXISTS ({_BY_DEPOSIT}) AND NOT EXISTS ({_LIVE})
"""  # noqa: S608


class Taken(NamedTuple):
    """A charge as the global needs it, all as PostgreSQL writes it. Amounts are pesos with cents, as on its ticket."""

    pk: str
    sub_total: str
    discount: str
    tax: str
    total: str
    paid_at: str
    folio: str


def take(scope: Scope, *, limit: int, after: Taken | None = None) -> list[Taken]:
    """The next charges in order of payment, locked until the transaction ends.

    One that somebody is invoicing, voiding or paying at this instant is passed over: a later look finds it, if free.
    """
    beyond = "AND (c.paid_at, c.id) > (%(after_at)s::timestamptz, %(after)s::uuid)" if after else ""
    values = scope.values | {"limit": limit}
    if after:
        values |= {"after_at": after.paid_at, "after": after.pk}
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT concat_ws('|', c.id, c.sub_total, c.discount, c.tax, c.total, c.paid_at, c.kind, c.number)
                FROM charges_charge c WHERE {ELIGIBLE} {beyond}
                ORDER BY c.paid_at, c.id LIMIT %(limit)s FOR UPDATE OF c SKIP LOCKED""",  # noqa: S608
            values,
        )
        return [_taken(*row.split("|")) for (row,) in cursor.fetchall()]


def _taken(pk: str, sub_total: str, discount: str, tax: str, total: str, paid_at: str, kind: str, number: str) -> Taken:
    return Taken(pk, sub_total, discount, tax, total, paid_at, folio(kind, int(number)))


def lines(organization_id: uuid.UUID, charges: Iterable[str]) -> dict[str, list[str]]:
    """Of each charge, treatment and amount after discount of each of its lines, in turns and in their order."""
    with connection.cursor() as cursor:
        # A statement of its own: it sees the lines as they are since their charges are locked.
        cursor.execute(
            """SELECT concat_ws('|', charge_id,
                                string_agg(treatment || '|' || (amount - discount), '|' ORDER BY position))
               FROM charges_chargeline WHERE organization_id = %s AND charge_id = ANY(%s::uuid[]) AND quantity > 0
               GROUP BY charge_id""",
            [organization_id, array(charges)],
        )
        return {pk: cells for pk, *cells in (row.split("|") for (row,) in cursor.fetchall())}


def array(keys: Iterable[str]) -> str:
    """Keys as PostgreSQL reads an array: one text is sent sooner than ten thousand."""
    return f"{{{','.join(keys)}}}"


def folio(kind: str, number: int) -> str:
    """As `Charge.folio` writes it, without a row for each."""
    return f"{_PREFIX[kind]}{number:06d}"


_PREFIX = {kind: Charge(kind=kind, number=0).folio.removesuffix("000000") for kind in Charge.Kind.values}
