"""What a payer asks of an invoice beyond what the SAT asks: the form of its folio and the reference in each line.

A payer's rule is data that its practice typed; it may not cost the program time, so only plain patterns are taken.
"""

from __future__ import annotations

import re
from typing import Final

from django.db.models import QuerySet

from emite.care.models import CareService, Payer
from emite.cfdi.faults import Fault

#: As large insurers ask of those who treat their insured (AXA's profile): some letters, then the number.
EXAMPLE: Final = "[A-Z]{0,4}[0-9]{1,10}"
#: Repetitions without bound in one rule: with no groups, time grows with the folio's length to this power.
_MOST_OPEN: Final = 2


def rule_problem(rule: str) -> str:
    """Why a folio's form cannot be used, in words; empty when it can."""
    if "(" in rule or len(re.findall(r"[+*]|,\}", rule)) > _MOST_OPEN:
        return "Use letras, números, [clases] y cantidades como {1,10}, sin paréntesis; a lo más dos + o *."
    try:
        re.compile(rule)
    except re.error:
        return f"La forma del folio no se entiende: por ejemplo {EXAMPLE}."
    return ""


def folio(payer: Payer, number: str) -> str:
    """Why this payer would not take that folio, in words; empty when it would, or has no rule."""
    if not payer.folio_rule or rule_problem(payer.folio_rule) or re.fullmatch(payer.folio_rule, number):
        return ""
    return f"{payer.name} pide folios de la forma {payer.folio_rule}: {number} no la cumple."


def invoice(payer: Payer, services: QuerySet[CareService]) -> list[Fault]:
    """What the payer would send back: each with the services that cure it."""
    if not payer.reference_required:
        return []
    without = services.filter(reference="")
    count = without.count()
    if not count:
        return []
    named = "; ".join(f"{each.rendered_on:%d/%m/%Y} {each.code}" for each in without[:5]) + ("…" if count > 5 else "")
    label = payer.reference_label or "la referencia"
    one = "1 servicio no la tiene" if count == 1 else f"{count:,} servicios no la tienen"
    return [Fault("EMI230", f"{payer.name} pide {label} en cada servicio y {one}: {named}.")]
