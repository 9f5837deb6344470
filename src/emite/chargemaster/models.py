"""ChargeItem (a row of the price list) and ServiceLink (a code of a physician), with the treatment that was decided.

What is charged to whom lives in `charges`; nothing here is inferred or defaulted in silence.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from emite.cfdi.taxes import Treatment
from emite.issuers.models import Issuer
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


class ServiceLink(OwnedByOrganization):
    """What a code of a service is for the SAT, for one issuer and from one day on. Ended, never changed."""

    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="+")
    system = models.CharField("sistema de códigos", max_length=8)
    code = models.CharField("código", max_length=20)
    # Our own words: the texts of CPT belong to others.
    label = models.CharField("servicio", max_length=200, blank=True)
    clave_prod_serv = models.CharField("clave SAT", max_length=8)
    clave_unidad = models.CharField("clave de unidad", max_length=3, default="E48")
    treatment = models.CharField("tratamiento de IVA", max_length=10, choices=TREATMENT_CHOICES)
    since = models.DateField("desde")
    until = models.DateField("hasta", null=True, blank=True)
    linked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    linked_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["organization", "issuer", "system", "code"],
                condition=models.Q(until__isnull=True),
                name="service_link_one_in_force",
            ),
            models.CheckConstraint(
                condition=models.Q(until__isnull=True) | models.Q(until__gte=models.F("since")),
                name="service_link_ends_after_it_began",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.clave_prod_serv}"
