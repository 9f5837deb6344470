"""What the invoice of an account says of the deposits that paid some of it: relation 07 with the CFDI of each.

Nothing is asked of the database for a charge that no deposit paid: its payments say so (form 30).
"""

from __future__ import annotations

from collections.abc import Sequence

from emite.cfdi import anticipos
from emite.cfdi.comprobante import Receptor, Relacionados
from emite.cfdi.faults import CfdiInvalid, Fault
from emite.charges.allocating import live_document
from emite.charges.models import AnticipoApplication, Charge
from emite.documents.models import FiscalDocument, State
from emite.invoices.refusals import NotInvoiceable

#: Our own: the account's receptor is not the deposit's.
ANOTHER_RECEPTOR = "EMI004"


def related(charges: Sequence[Charge], receptor: Receptor) -> tuple[Relacionados, ...]:
    """The relation to the deposits of these accounts. Raises NotInvoiceable, or CfdiInvalid for another receptor."""
    uuids = []
    for each in applied_to(charges):
        document = live_document(each.deposit)
        if not has_own_cfdi(document):
            raise NotInvoiceable("anticipo_uninvoiced")
        assert document is not None
        if document.receptor_rfc != receptor.rfc:
            raise CfdiInvalid([_another(each.deposit)])
        uuids.append(str(document.uuid))
    return (anticipos.related(uuids),)


def applied_to(charges: Sequence[Charge]) -> Sequence[AnticipoApplication]:
    """What deposits pay of these accounts, in order, each with its deposit and its line."""
    rows = AnticipoApplication.objects.filter(
        organization_id=charges[0].organization_id, account__in=charges, active=True
    )
    return list(rows.select_related("deposit").prefetch_related("deposit__lines").order_by("at", "pk"))


def has_own_cfdi(document: FiscalDocument | None) -> bool:
    """Whether what invoices a deposit is stamped and its client's, so that an account can be related to it."""
    return (
        document is not None
        and document.state == State.STAMPED
        and document.channel != FiscalDocument.Channel.GLOBAL
    )  # fmt: skip


def among(charges: Sequence[Charge]) -> bool:
    """Whether one of them is a deposit, or an account that one paid."""
    if any(each.kind == Charge.Kind.ANTICIPO for each in charges):
        return True
    return AnticipoApplication.objects.filter(
        account__in=charges, organization_id=charges[0].organization_id, active=True
    ).exists()  # fmt: skip


def _another(deposit: Charge) -> Fault:
    message = (
        f"El anticipo {deposit.folio} de esta cuenta se facturó a otro RFC: use ese mismo RFC, o pida en la caja que "
        "cambien la factura del anticipo o que lo quiten de la cuenta."
    )
    return Fault(ANOTHER_RECEPTOR, message, "/cfdi:Comprobante/cfdi:Receptor/@Rfc")
