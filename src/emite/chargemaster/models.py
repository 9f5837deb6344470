"""ChargeItem: one row of the price list, with the fiscal treatment its taxpayer decided.

What is charged to whom lives in `charges`; nothing here is inferred or defaulted in silence.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from emite.cfdi.taxes import Treatment
from emite.organizations.models import OwnedByOrganization

TREATMENT_LABELS = {
    Treatment.IVA16: "IVA 16 %",
    Treatment.IVA8: "IVA 8 % (frontera)",
    Treatment.IVA0: "IVA 0 %",
    Treatment.EXENTO: "Exento de IVA",
    Treatment.NO_OBJETO: "No objeto de impuesto",
}
TREATMENT_CHOICES = [(treatment.value, label) for treatment, label in TREATMENT_LABELS.items()]


class ChargeItem(OwnedByOrganization):
    """A thing that can be charged. Prices are before tax, pesos, up to six decimals."""

    code = models.CharField("código propio", max_length=40)
    description = models.CharField("descripción", max_length=200)
    clave_prod_serv = models.CharField("clave SAT", max_length=8)
    clave_unidad = models.CharField("clave de unidad", max_length=3)
    treatment = models.CharField("tratamiento de IVA", max_length=10, choices=TREATMENT_CHOICES)
    unit_price = models.DecimalField("precio sin IVA", max_digits=18, decimal_places=6)
    active = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "code"], name="charge_item_one_per_code"),
            models.CheckConstraint(condition=models.Q(unit_price__gt=0), name="charge_item_price_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.description}"
