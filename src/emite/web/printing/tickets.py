"""A charge or a slip as plain data for paper: its lines, its money and the way to its invoice.

The same data makes the PDF and the browser's page, so that both say the same. No diagnosis, no patient's name.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal

from django.conf import settings
from django.db.models import Sum

from emite.cfdi.taxes import Treatment
from emite.chargemaster.models import TREATMENT_LABELS
from emite.charges.charging import code_of
from emite.charges.collecting import FORMS, paid_in
from emite.charges.models import Charge, Payment, PaymentSlip, SlipVoid
from emite.charges.pricing import conceptos, totals
from emite.documents.rendering import branding
from emite.invoices.building import line_inputs
from emite.issuers.models import Issuer
from emite.organizations.models import Branch, Organization
from emite.typeset.data import Amount, Invoicing, SlipPrint, TicketLine, TicketPrint, Venue

#: What a line that causes no IVA is called beside its amount.
_SHORT = {Treatment.EXENTO: "Exento", Treatment.NO_OBJETO: "No objeto"}


def portal_link(slug: str) -> str:
    """The address that people type: without the scheme, which no browser needs."""
    return f"{settings.EMITE_URL}/f/{slug}".partition("://")[2]


def portal_url(slug: str, code: str) -> str:
    """The address in the QR. It carries the code; the server answers with a clean address at once."""
    return f"{settings.EMITE_URL}/q/{slug}/{code}"


def invoicing_of(charge: Charge, code: str) -> Invoicing:
    """How this charge becomes an invoice: with link, code and QR while the portal is on, else at the desk."""
    organization = charge.organization
    if charge.code_revoked_at is not None:
        return Invoicing(code="")
    if not organization.portal_is_on():
        return Invoicing(code=code)
    return Invoicing(
        code=code,
        link=portal_link(organization.slug),
        url=portal_url(organization.slug, code),
        last_day=charge.last_portal_day(),
        when_settled=not charge.is_paid,
    )


def ticket_print(charge: Charge, *, reprinted_at: dt.datetime | None = None) -> TicketPrint:
    """The ticket of a remisión as it stands now: also with what has been paid since it was issued."""
    inputs = line_inputs(charge)
    sums = totals(conceptos(inputs))
    return TicketPrint(
        branding=branding(charge.organization),
        venue=_venue(charge),
        folio=charge.folio,
        issued_at=charge.issued_at.astimezone(charge.zone),
        lines=tuple(
            TicketLine(
                description=line.description,
                quantity=line.quantity,
                unit_price=line.unit_price,
                amount=line.amount,
                tax=_SHORT.get(
                    Treatment(line.treatment), TREATMENT_LABELS[Treatment(line.treatment)].partition(" (")[0]
                ),
            )
            for line in charge.lines.all()
        ),
        subtotal=charge.sub_total,
        discount=charge.discount,
        taxes=tuple(
            Amount(f"IVA {tax.tasa_o_cuota * 100:.0f} %", tax.importe)
            for tax in sums.traslados
            if tax.importe and tax.tasa_o_cuota
        ),
        total=charge.total,
        invoicing=invoicing_of(charge, code_of(charge)),
        payments=tuple(Amount(FORMS.get(key, key), amount) for key, amount in paid_in(charge).items()),
        owed=charge.owed,
        cashier=charge.created_by.name if charge.created_by else "",
        reprinted_at=_local(charge, reprinted_at),
        deposit=charge.kind == Charge.Kind.ANTICIPO,
    )


def slip_print(slip: PaymentSlip, *, reprinted_at: dt.datetime | None = None) -> SlipPrint:
    """The slip of one act of paying, with what the remisión had been paid by then."""
    charge = slip.charge
    undone = SlipVoid.objects.filter(slip=slip).first()
    earlier = charge.slips.filter(number__lte=slip.number, undone=None).aggregate(sum=Sum("amount"))["sum"]
    paid = min(earlier or Decimal(0), charge.total)
    return SlipPrint(
        branding=branding(charge.organization),
        venue=_venue(charge),
        folio=slip.folio,
        charge_folio=charge.folio,
        paid_at=slip.paid_at.astimezone(charge.zone),
        payments=_by_form(slip.payments.order_by("pk")),
        amount=slip.amount,
        charge_total=charge.total,
        paid=paid,
        owed=charge.total - paid,
        invoicing=Invoicing(code="") if undone else invoicing_of(charge, code_of(charge)),
        received=slip.cash_received,
        change=slip.change or Decimal(0),
        cashier=slip.cashier.name if slip.cashier else "",
        register=slip.register.name,
        reprinted_at=_local(charge, reprinted_at),
        deposit=charge.kind == Charge.Kind.ANTICIPO,
        cancelled_at=_local(charge, undone.at) if undone else None,
    )


def venue_of(organization: Organization, issuer: Issuer | None, branch: Branch | None) -> Venue:
    """Who charges and where: a branch by its own address, or its postal code alone when nobody wrote one."""
    return Venue(
        legal_name=issuer.nombre if issuer else organization.name,
        rfc=issuer.rfc if issuer else "",
        branch=branch.name if branch else "",
        address=(branch.address or f"C.P. {branch.postal_code}") if branch else organization.address,
        phone=organization.support_phone,
    )


def _venue(charge: Charge) -> Venue:
    return venue_of(charge.organization, charge.issuer, charge.branch)


def _by_form(payments: Iterable[Payment]) -> tuple[Amount, ...]:
    """One row for each form of payment, in the order in which they first appear."""
    sums: dict[str, Decimal] = {}
    for payment in payments:
        sums[payment.forma_pago] = sums.get(payment.forma_pago, Decimal(0)) + payment.amount
    return tuple(Amount(FORMS.get(key, key), amount) for key, amount in sums.items())


def _local(charge: Charge, moment: dt.datetime | None) -> dt.datetime | None:
    return moment.astimezone(charge.zone) if moment else None
