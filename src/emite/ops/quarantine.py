"""`emite quarantine`: after a restored backup, bring back what the PAC stamped since, and let stamping go on."""

import argparse
import uuid
from collections.abc import Iterator, Sequence

from emite.database.trouble import Trouble
from emite.ops import ground


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lift", default="", metavar="QUIÉN", help="vuelve a timbrar; queda en la bitácora quién")
    parser.add_argument(
        "--leave", action="append", default=[], metavar="UUID",
        help="deja fuera este folio fiscal: una persona ya vio qué es (de otro sistema, por ejemplo); se repite",
    )  # fmt: skip
    parser.add_argument(
        "--without-list", action="store_true",
        help="también si un PAC no da su lista: sus folios saltan mil y usted responde por lo timbrado en él",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Bring back and say what; 0 when stamping may go on or does, 1 while something is missing. Raises Trouble."""
    for each in options.leave:
        try:
            uuid.UUID(each)
        except ValueError:
            raise Trouble(
                f"--leave {each}: no es un folio fiscal (UUID). Cópielo de lo que dice emite quarantine."
            ) from None
    with ground.standing():
        return _told(options.lift.strip(), without_list=options.without_list, leave=options.leave)


def _told(who: str, *, without_list: bool, leave: Sequence[str] = ()) -> int:
    from django.utils import timezone

    from emite.documents import quarantine
    from emite.reconciling import recovering

    row = quarantine.current()
    if row is None:
        print("No hay cuarentena: se timbra con normalidad.")
        return 0
    report = recovering.recover(taken_at=row.taken_at, clock=timezone.now, leave=leave)
    print("\n".join(sentences(report)))
    if report.unread or (report.unlisted and not without_list):
        print("Sigue en cuarentena: nada se timbra.")
        return 1
    if not who:
        print("Está completo. Para volver a timbrar: emite quarantine --lift «su nombre»")
        return 0
    _lift(report, who, leave)
    print("Terminó la cuarentena: se vuelve a timbrar.")
    return 0


def sentences(report: "recovering.Report") -> Iterator[str]:  # type: ignore[name-defined] # noqa: F821
    """The report in words."""
    yield f"El PAC tiene {report.listed} desde el respaldo."
    yield f"Recuperados: {report.finished} que aquí esperaban y {report.made} que el respaldo no conocía."
    for each in report.orphans:
        yield f"Sin remisión aquí (guardado como CFDI; vuelva a registrar su remisión sin facturarla): {each}"
    for each in report.doubtful:
        yield f"Vea de quién es: {each}"
    for each in report.unread:
        yield f"No se pudo recuperar: {each}"
    for each in report.unlisted:
        yield f"El PAC no da su lista: {each}"


def _lift(report: "recovering.Report", who: str, leave: Sequence[str]) -> None:  # type: ignore[name-defined] # noqa: F821
    from django.db import transaction
    from django.utils import timezone

    from emite.audit import record
    from emite.documents import quarantine
    from emite.issuers.models import PacAccount
    from emite.reconciling import recovering

    now = timezone.now()
    if len(who) > 120:
        raise Trouble("El nombre tiene más de 120 letras.")
    with transaction.atomic():
        if report.unlisted:
            recovering.jump(list(PacAccount.objects.values_list("issuer", flat=True).distinct()))
        quarantine.lift(who=who, now=now)
        record(organization_id=None, actor=who, action="quarantine.lift", subject="installation", now=now,
               after={"listed": report.listed, "unlisted": report.unlisted, "orphans": report.orphans,
                      "left": list(leave)})  # fmt: skip
