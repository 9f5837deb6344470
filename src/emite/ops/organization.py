"""`emite organization`: found a hospital, practice, insurer or administrator, say whose invoices a payer receives, and
give an organization all that it owns.

The first two are on the pages of support too; the rules are in `organizations.founding`, `care.payer_accounts` and
`reports.everything`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
from pathlib import Path
from typing import TYPE_CHECKING

from emite.database.trouble import Trouble
from emite.ops import ground

if TYPE_CHECKING:
    from emite.accounts.models import User
    from emite.organizations.models import Organization

#: As people call them: what the database keeps.
KINDS = {
    "hospital": "hospital", "consultorio": "practice", "aseguradora": "insurer", "administradora": "administrator",
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="acción")
    actions.add_parser("list", help="muestra las organizaciones de la instalación")
    add = actions.add_parser("add", help="da de alta una organización e invita a su administrador")
    add.add_argument("slug", metavar="identificador", help="sale en el enlace: /f/identificador")
    add.add_argument("--kind", choices=tuple(KINDS), required=True, help="qué es")
    add.add_argument("--name", required=True, help="nombre comercial")
    add.add_argument("--postal-code", required=True, help="código postal: de él sale su huso horario")
    add.add_argument("--administrator", metavar="CORREO", required=True, help="recibe la invitación")
    receives = actions.add_parser("receives", help="una aseguradora recibe lo que los consultorios facturan a un RFC")
    receives.add_argument("slug", metavar="identificador", help="el de la aseguradora o administradora")
    receives.add_argument("rfc", help="RFC al que facturan los consultorios")
    export = actions.add_parser("export", help="escribe en un ZIP todo lo que es de una organización")
    export.add_argument("slug", metavar="identificador")
    export.add_argument("--out", type=Path, required=True, metavar="ARCHIVO.zip", help="archivo que se escribe")
    for action in (add, receives):
        action.add_argument("--by", metavar="CORREO", help="operador de soporte que lo hace, si hay varios")


def run(options: argparse.Namespace) -> int:
    with ground.standing():
        for line in act(options, dt.datetime.now(dt.UTC)):
            print(line)
    return 0


def act(options: argparse.Namespace, now: dt.datetime) -> list[str]:
    """What to tell whoever ran the command. Raises Trouble."""
    from emite.care import payer_accounts
    from emite.organizations import founding
    from emite.organizations.models import Organization
    from emite.organizations.refusals import SetupRefused

    if options.action == "list":
        rows = Organization.objects.defer("logo").order_by("kind", "slug")
        return [f"{row.slug:<40} {row.get_kind_display():<15} {row.name}" for row in rows]
    try:
        if options.action == "add":
            made = founding.found(
                name=options.name, slug=options.slug, postal_code=options.postal_code,
                administrator=options.administrator, kind=KINDS[options.kind], by=_operator(options.by), now=now,
            )  # fmt: skip
            return [
                f"{made.name}: {made.get_kind_display()} con identificador {made.slug}.",
                f"{options.administrator} recibe la invitación; vale siete días.",
            ]
        account = Organization.objects.filter(slug=options.slug).first()
        if account is None:
            raise Trouble(f"No hay una organización {options.slug}: vea emite organization list.")
        if options.action == "export":
            return _export(account, options.out, now)
        joined = payer_accounts.join(account, options.rfc, by=_operator(options.by), now=now)
    except SetupRefused as refused:
        raise Trouble(refused.message) from refused
    return [f"{account.name} recibe lo que se facture a {options.rfc.upper()}. Consultorios con ella: {joined}."]


def _export(organization: Organization, path: Path, now: dt.datetime) -> list[str]:
    """Complete or not there at all, and only its writer's to read."""
    from emite.audit import record
    from emite.reports import everything

    record(
        organization_id=organization.pk, actor="emite organization export", action="organization.export",
        subject=f"organization:{organization.pk}", after={"file": path.name}, now=now,
    )  # fmt: skip
    draft = path.with_name(f"{path.name}.part")
    try:
        draft.unlink(missing_ok=True)  # what an earlier one left, perhaps for others to read
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            written = everything.write(organization, file, now)
        draft.replace(path)
    except OSError as error:
        raise Trouble(f"No se pudo escribir {path}: {error.strerror}.") from error
    finally:
        draft.unlink(missing_ok=True)
    return [
        f"{path}: {written:,} archivos de {organization.name}, {path.stat().st_size / 2**20:,.1f} MB.",
        "Lleva nombres de pacientes y datos fiscales: entréguelo por un medio cifrado y bórrelo de aquí.",
    ]


def _operator(email: str | None) -> User:
    from emite.accounts.models import User

    found = list(User.objects.filter(is_operator=True, is_active=True, **({"email": email.lower()} if email else {})))
    if not found:
        raise Trouble("Lo hace un operador de soporte y no hay ninguno así: nómbrelo con emite support-user.")
    if len(found) > 1:
        raise Trouble("Hay varios operadores de soporte: diga quién lo hace con --by.")
    return found[0]
