"""How many requests wait for somebody, beside their section's name."""

from __future__ import annotations

from django import template
from django.utils import timezone

from emite.invoices import requests
from emite.organizations.models import Organization

register = template.Library()


@register.simple_tag
def waiting_requests(organization: Organization) -> int:
    return requests.count(organization.pk, timezone.now())
