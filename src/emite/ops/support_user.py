"""`emite support-user`: makes an operator, who activates portals and sees every organization. They choose their own
password behind a link that this prints once; at their first log-in they set up their second step."""

import argparse
import datetime as dt

from django.core.exceptions import ValidationError
from django.db import transaction

from emite.database.trouble import Trouble
from emite.ops import ground


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("email", help="correo de la persona")
    parser.add_argument("--name", default="", help="su nombre (obligatorio si no tiene cuenta)")
    parser.add_argument("--forget-second-step", action="store_true", help="quita su segundo paso: perdió el teléfono")


def run(options: argparse.Namespace) -> int:
    with ground.standing():
        print(make(options.email, options.name, forget=options.forget_second_step, now=dt.datetime.now(dt.UTC)))
    return 0


def make(email: str, name: str, *, forget: bool, now: dt.datetime) -> str:
    """The operator, and what to tell whoever ran the command. Raises Trouble."""
    from emite.accounts import second_step
    from emite.accounts.models import User
    from emite.accounts.passwords import reset_address
    from emite.audit import record

    email = email.strip().lower()
    with transaction.atomic():
        user = User.objects.filter(email=email).first()
        if user is None:
            if not name.strip():
                raise Trouble("Esa persona no tiene cuenta todavía: diga su nombre con --name.")
            try:
                user = User.objects.create_user(email=email, name=name.strip())
            except ValidationError as error:
                raise Trouble("; ".join(error.messages)) from error
        if forget:
            second_step.remove(user)
        user.is_operator, user.is_active = True, True
        user.session_version += 1
        user.save(update_fields=["is_operator", "is_active", "session_version"])
        record(
            organization_id=None, actor="emite support-user", action="operator.create", subject=f"user:{user.pk}",
            after={"email": email, "second_step_forgotten": forget}, now=now,
        )  # fmt: skip
    way = reset_address(user)
    return f"{email} es operador de soporte. Elige su contraseña aquí, antes de una hora y una sola vez:\n{way}"
