"""A register's corte and the slip of a refund as plain data: for the screen, the browser's print and the PDF."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from emite.charges.collecting import DESK_FORMS
from emite.charges.drawer import CASH, by_form, moved_cash
from emite.charges.models import CashMovement, Refund, RegisterSession
from emite.charges.pricing import tidy
from emite.documents.rendering import branding
from emite.issuers.models import Issuer
from emite.typeset.data import Amount
from emite.typeset.note_page import NotePrint
from emite.typeset.written import quantity
from emite.web.printing.tickets import venue_of


@dataclass(frozen=True, slots=True)
class CountRow:
    """One form of payment of a corte."""

    label: str
    expected: Decimal
    counted: Decimal

    @property
    def difference(self) -> Decimal:
        return self.counted - self.expected


@dataclass(frozen=True, slots=True)
class Corte:
    """A closed session in figures."""

    rows: tuple[CountRow, ...]
    cash: tuple[tuple[str, Decimal], ...]
    pieces: tuple[tuple[str, int, Decimal], ...]
    undone: int

    @property
    def difference(self) -> Decimal:
        return sum((row.difference for row in self.rows), Decimal(0))

    @property
    def counted(self) -> Decimal:
        return sum((row.counted for row in self.rows), Decimal(0))

    @property
    def expected(self) -> Decimal:
        return sum((row.expected for row in self.rows), Decimal(0))


def corte_of(session: RegisterSession) -> Corte:
    """Of a closed session: nothing of it changes any more."""
    moved = moved_cash(session)
    cash = next((row for row in by_form(session) if row.forma_pago == CASH), None)
    parts = (
        ("Fondo", session.fund),
        ("Cobros en efectivo", cash.taken if cash else Decimal(0)),
        ("Devoluciones en efectivo", -cash.back if cash else Decimal(0)),
        ("Depósitos", moved[CashMovement.Kind.DEPOSIT]),
        ("Retiros", -moved[CashMovement.Kind.WITHDRAWAL]),
    )
    pieces = session.denominations or {}
    return Corte(
        rows=tuple(
            CountRow(DESK_FORMS.get(row.forma_pago, row.forma_pago), row.expected, row.counted)
            for row in session.counts.all()
        ),
        cash=tuple((label, amount) for label, amount in parts if amount),
        pieces=tuple((face, number, Decimal(face) * number) for face, number in pieces.items()),
        undone=session.voids.count(),
    )


def corte_print(session: RegisterSession) -> NotePrint:
    """The corte on paper."""
    corte, organization, branch = corte_of(session), session.organization, session.register.branch
    zone = branch.zone if branch else organization.zone
    issuer = Issuer.objects.filter(organization=organization).order_by("created_at").first()
    closed_at = session.closed_at or session.opened_at
    missing = "Sin diferencia" if not corte.difference else ""
    return NotePrint(
        branding=branding(organization),
        venue=venue_of(organization, issuer, branch),
        title="Corte de caja",
        folio=session.folio,
        at=closed_at.astimezone(zone),
        facts=(
            ("Caja", session.register.name),
            ("Abrió", session.opened_by.name),
            ("Apertura", f"{session.opened_at.astimezone(zone):%d/%m/%Y %H:%M}"),
            ("Cerró", session.closed_by.name if session.closed_by else ""),
            ("Pagos cancelados", str(corte.undone) if corte.undone else ""),
        ),
        lines=tuple(
            Amount(row.label, row.counted, f"esperado ${row.expected:,.2f} · diferencia {_signed(row.difference)}")
            for row in corte.rows
        ),
        sums=tuple(Amount(label, amount) for label, amount in corte.cash),
        total=("Contado", corte.counted),
        payments=tuple(Amount(f"${face}", amount, f"× {number}") for face, number, amount in corte.pieces),
        account=(Amount("Esperado", corte.expected), Amount("Diferencia", corte.difference)),
        closing=f"Motivo: {session.reason}" if session.reason else missing,
    )


def refund_print(refund: Refund) -> NotePrint:
    """What a patient keeps, or signs, when services are given back."""
    charge, organization = refund.charge, refund.charge.organization
    return NotePrint(
        branding=branding(organization),
        venue=venue_of(organization, charge.issuer, charge.branch),
        title="Comprobante de devolución",
        folio=refund.folio,
        at=refund.at.astimezone(charge.zone),
        facts=(("Remisión", charge.folio), ("Caja", refund.register.name), ("Atendió", refund.by.name)),
        lines=tuple(
            Amount(row.line.description, row.amount - row.discount, f"{quantity(tidy(row.quantity, 0))} de esta línea")
            for row in refund.lines.select_related("line").order_by("line__position")
        ),
        total=("Se entregó", refund.amount),
        payments=tuple(
            Amount(DESK_FORMS.get(part.forma_pago, part.forma_pago), part.amount) for part in refund.parts.all()
        ),
        account=(
            Amount("Total de la remisión antes", refund.total_before),
            Amount("Total de la remisión ahora", refund.total_after),
        ),
        closing="La remisión quedó cancelada" if refund.whole else "",
    )


def _signed(amount: Decimal) -> str:
    return f"{'−' if amount < 0 else '+' if amount else ''}${abs(amount):,.2f}"
