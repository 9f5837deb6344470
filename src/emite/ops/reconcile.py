"""`emite reconcile`: compare the last days with SAT and the PAC now, and print only what differs.
Writes what it finds where the desk shows it; never stamps nor cancels."""

import argparse
from collections.abc import Iterator

from emite.database.trouble import Trouble
from emite.ops import ground


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--organization", default="", help="identificador de la organización (todas)")
    parser.add_argument("--days", type=int, default=4, help="cuántos días hacia atrás (4)")


def run(options: argparse.Namespace) -> int:
    """Print the differences; 0 when there are none, 1 otherwise. Raises Trouble."""
    if not 1 <= options.days <= 366:
        raise Trouble("Escriba de 1 a 366 días.")
    with ground.standing():
        lines = list(differences(options.organization, options.days))
    print("\n".join(lines) or "Todo coincide.")
    return 1 if lines else 0


def differences(slug: str, days: int) -> Iterator[str]:
    """A line per difference that is open after the comparison. Raises Trouble."""
    import datetime as dt

    from django.utils import timezone

    from emite.organizations.models import Organization
    from emite.reconciling import comparing
    from emite.reconciling.models import Difference

    found = Organization.objects.filter(slug=slug) if slug else Organization.objects.all()
    if slug and not found.exists():
        raise Trouble(f"No hay una organización «{slug}».")
    for organization in found.order_by("slug"):
        now = timezone.now()
        try:
            asked = comparing.start(organization, since=now - dt.timedelta(days=days), until=now, now=now, wake=False)
            run = comparing.run(asked.pk, clock=timezone.now)
        except comparing.AlreadyComparing:
            raise Trouble(f"Ya hay una comparación en curso de «{organization.slug}»: espere a que termine.") from None
        if run is not None and run.unanswered:
            yield f"{organization.slug}: {run.unanswered} sin respuesta del SAT o del PAC; se preguntan otra vez mañana"
        for row in Difference.objects.filter(organization=organization, closed_at=None).order_by("found_at"):
            yield f"{organization.slug}: {str(row.uuid).upper()} {row.get_kind_display()}"
