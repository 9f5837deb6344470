"""How many requests wait for somebody, beside their section's name."""

from __future__ import annotations

from django import template
from django.utils import timezone

from emite.invoices import requests
from emite.organizations.models import Organization
from emite.settlements import complementing
from emite.settlements.models import Receivable

register = template.Library()


@register.simple_tag
def waiting_requests(organization: Organization) -> int:
    return requests.count(organization.pk, timezone.now())


@register.simple_tag
def payments_later(organization: Organization) -> dict[str, int] | None:
    """How many payments wait for their complement; None where nothing was ever invoiced to be paid later."""
    if not Receivable.objects.filter(organization_id=organization.pk).exists():
        return None
    return {"due": complementing.due(organization.pk).count()}
