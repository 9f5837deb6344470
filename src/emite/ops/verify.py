"""`emite verify`: reads everything back critically: the log's chains, each stamped XML, where income stands,
what is owed, each sealed secret.
Repairs nothing unless told to, and then only with the very bytes that were stored."""

import argparse
from collections.abc import Iterator

from emite.ops import ground


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repair", action="store_true", help="cambia un XML dañado por la copia idéntica del PAC")


def run(options: argparse.Namespace) -> int:
    """Print what does not hold; 0 when everything does, 1 otherwise."""
    with ground.standing():
        wrong = 0
        for message in (*_chains(), *_stamped(repair=options.repair), *_income(), *_owed(), *_secrets()):
            wrong += 1
            print(message)
    print("Todo está íntegro." if not wrong else f"{wrong} fallas.")
    return 1 if wrong else 0


def _chains() -> Iterator[str]:
    from emite.audit import verify_chain
    from emite.audit.models import AuditEvent

    for organization in AuditEvent.objects.values_list("organization_id", flat=True).distinct().order_by():
        for found in verify_chain(organization):
            yield f"bitácora {organization}, evento {found.position}: {found.message}"


def _stamped(*, repair: bool) -> Iterator[str]:
    """Bytes equal to their fingerprint, a sound seal, and the UUID that the row says."""
    from django.utils import timezone

    from emite.database import backup
    from emite.documents import scrubbing
    from emite.documents.models import FiscalDocument, StampedXml

    for stored, wrong in scrubbing.damaged(StampedXml.objects.order_by("pk").defer("xml").iterator(chunk_size=200)):
        name = f"CFDI {str(stored.uuid).upper()}"
        if repair and scrubbing.repair(stored, backup.owner_of(), now=timezone.now()):
            print(f"{name}: {wrong}; reparado con la copia del PAC")
            continue
        yield f"{name}: {wrong}"
    kept = StampedXml.objects.values("document_id")
    for document in FiscalDocument.objects.filter(uuid__isnull=False).exclude(pk__in=kept):
        yield f"CFDI {str(document.uuid).upper()}: timbrado sin XML guardado"


def _income() -> Iterator[str]:
    """Of each charge, live ingresos less live egresos are what it is worth."""
    from emite.credits import checking

    yield from checking.faults()


def _owed() -> Iterator[str]:
    """Of each invoice to be paid later, what is owed is what its notes, payments and complements say."""
    from emite.settlements import checking

    yield from checking.faults()


def _secrets() -> Iterator[str]:
    from emite.vault import rotating

    for name in rotating.unopenable():
        yield f"no abre: {name}"
