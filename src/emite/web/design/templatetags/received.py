"""How many cancellations wait for an answer of this organization, beside the name of their page."""

from __future__ import annotations

from django import template

from emite.cancellations.models import ReceivedCancellation
from emite.organizations.models import Organization

register = template.Library()


@register.simple_tag
def waiting_answers(organization: Organization) -> int:
    rows = ReceivedCancellation.objects.filter(organization_id=organization.pk)
    return rows.filter(state=ReceivedCancellation.State.PENDING).count()
