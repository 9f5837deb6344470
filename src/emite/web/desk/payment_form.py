"""The form of a payment: large keys for the form, the amount prefilled with what is owed, the change for cash.

What may be paid is decided in `charges.collecting`; its message is put beside the field it is about.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django import forms

from emite.charges.collecting import DESK_FORMS, Part, PaymentRefused
from emite.charges.drawer import CASH
from emite.charges.models import CashRegister, Charge
from emite.charges.models.money import CARDS
from emite.organizations.models import Organization
from emite.web.amounts import AmountField

#: One form with large keys, two more for who splits the payment.
MORE_PARTS = 2
FORM_CHOICES = list(DESK_FORMS.items())


class PaymentForm(forms.Form):
    """One act of paying. The first part has keys; the others are blank unless the payment is split."""

    forma_pago = forms.ChoiceField(
        label="¿Cómo paga?",
        choices=FORM_CHOICES,
        widget=forms.RadioSelect,
        error_messages={"required": "Elija cómo se paga."},
    )
    amount = AmountField(label="Cantidad", error_messages={"required": "Escriba cuánto se paga."})
    cash_received = AmountField(label="Efectivo recibido", required=False)
    last4 = forms.RegexField(
        r"\A[0-9]{4}\Z",
        label="Últimos 4 de la tarjeta",
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "maxlength": "4"}),
        error_messages={"invalid": "Son los últimos cuatro números de la tarjeta."},
    )
    register = forms.ChoiceField(label="Caja", error_messages={"required": "Elija en qué caja se cobra."})
    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, registers: Sequence[CashRegister], **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.registers = {str(register.pk): register for register in registers}
        self.fields["register"].choices = [  # type: ignore[attr-defined]
            *([("", "Elija…")] if len(registers) != 1 else []),
            *((pk, register.name) for pk, register in self.registers.items()),
        ]
        for number in range(2, 2 + MORE_PARTS):
            self.fields[f"forma_pago_{number}"] = forms.ChoiceField(
                label=f"Forma {number}", required=False, choices=[("", "—"), *FORM_CHOICES]
            )
            self.fields[f"amount_{number}"] = AmountField(label=f"Cantidad {number}", required=False)

    @classmethod
    def blank(cls, charge: Charge, registers: Sequence[CashRegister], last: str | None) -> PaymentForm:
        """Ready to press Enter, but for the form of payment: guessing it would state something to SAT."""
        chosen = last if last in {str(register.pk) for register in registers} else ""
        initial = {"amount": f"{charge.owed:.2f}", "register": chosen, "key": str(uuid.uuid4())}
        form = cls(registers=registers, initial=initial)
        form.fields["forma_pago"].widget.attrs["autofocus"] = True
        return form

    @property
    def extra_parts(self) -> list[tuple[Any, Any]]:
        return [(self[f"forma_pago_{number}"], self[f"amount_{number}"]) for number in range(2, 2 + MORE_PARTS)]

    @property
    def is_split(self) -> bool:
        """Something is written in the other parts, or is wrong there: they must be seen."""
        names = [bound.name for pair in self.extra_parts for bound in pair]
        return any(self.data.get(name) or name in self.errors for name in names) if self.is_bound else False

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for number in range(2, 2 + MORE_PARTS):
            form, amount = data.get(f"forma_pago_{number}"), data.get(f"amount_{number}")
            if form and amount is None and f"amount_{number}" not in self.errors:
                self.add_error(f"amount_{number}", "Escriba cuánto se paga en esta forma.")
            if amount is not None and not form:
                self.add_error(f"forma_pago_{number}", "Elija la forma de esta cantidad.")
        if data.get("cash_received") is not None and CASH not in self._forms(data):
            self.add_error("cash_received", "Solo cuando una parte se paga en efectivo. Bórrelo o elija Efectivo.")
        if data.get("last4") and not set(self._forms(data)) & set(CARDS):
            self.add_error("last4", "Solo cuando una parte se paga con tarjeta. Bórrelo o elija la tarjeta.")
        return data

    def _forms(self, data: dict[str, Any]) -> list[str]:
        return [data.get("forma_pago", ""), *(data.get(f"forma_pago_{n}", "") for n in range(2, 2 + MORE_PARTS))]

    def parts(self) -> list[Part]:
        """What was typed, one part for each form written. Only after is_valid()."""
        data = self.cleaned_data
        pairs = [(data["forma_pago"], data["amount"])]
        for number in range(2, 2 + MORE_PARTS):
            if data[f"forma_pago_{number}"]:
                pairs.append((data[f"forma_pago_{number}"], data[f"amount_{number}"]))
        # One card has one number: with two cards in a payment, it is the first's.
        card = next((index for index, (form, _) in enumerate(pairs) if form in CARDS), None)
        return [
            Part(form, amount, last4=data["last4"] if index == card else "")
            for index, (form, amount) in enumerate(pairs)
        ]

    def refuse(self, refused: PaymentRefused) -> None:
        """The domain's refusal beside its field; which of several amounts it was, the message says."""
        self.add_error(refused.field if refused.field in self.fields else None, refused.message)


def desk_registers(organization: Organization) -> list[CashRegister]:
    """The registers that may take money, by name."""
    rows = CashRegister.objects.filter(organization=organization, web_invoicing=False, active=True)
    return list(rows.order_by("name"))
