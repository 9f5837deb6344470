"""A forgotten password: a link by mail, good once and for an hour; one that is changed; the first of somebody invited.

Nobody learns from the answer whether an address has an account.
"""

from __future__ import annotations

import datetime as dt
import uuid

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse

from emite.accounts import standing
from emite.accounts.models import User
from emite.accounts.posting import post
from emite.accounts.second_step import FAILURES, WINDOW, TooManyAttempts
from emite.audit import record
from emite.limits.counting import forget, hit


def ask_reset(email: str, *, now: dt.datetime) -> None:
    """Post the link to whoever has that address and may log in; nothing at all to others."""
    user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if user is None:
        return
    with transaction.atomic():
        post("accounts/reset", {"user": user, "address": reset_address(user)}, to=user.email, now=now)
        record(organization_id=None, actor=user.email, action="password.ask", subject=f"user:{user.pk}", now=now)


def reset_address(user: User) -> str:
    """Where a new password is set. It dies with its first use, with the next log-in, and within the hour."""
    token = default_token_generator.make_token(user)
    return settings.EMITE_URL + reverse("login:reset", args=[user.pk, token])


def user_of(pk: uuid.UUID, token: str) -> User | None:
    """Whose link this is, while it is good."""
    user = User.objects.filter(pk=pk, is_active=True).first()
    return user if user is not None and default_token_generator.check_token(user, token) else None


def set_password(user: User, password: str, *, now: dt.datetime) -> None:
    """A new password; every session of the person ends. Raises ValidationError when it is too easy to guess."""
    validate_password(password, user)
    with transaction.atomic():
        _save(user, password)
        record(organization_id=None, actor=user.email, action="password.set", subject=f"user:{user.pk}", now=now)


def is_present(user: User, typed: str, *, now: dt.datetime) -> bool:
    """Whether that is the person's password today. Raises TooManyAttempts: an open session must not serve to guess."""
    verdict = hit("present-password", str(user.pk), limit=FAILURES, per=WINDOW, now=now)
    if not verdict.allowed:
        raise TooManyAttempts(verdict.retry_after)
    good = user.check_password(typed)
    if good:
        forget("present-password", str(user.pk))
    return good


def change(user: User, password: str, *, keep: str | None, now: dt.datetime) -> None:
    """A new password for somebody who has just given the present one; all sessions but `keep` end, a mail tells it.

    Raises ValidationError when it is too easy to guess, or the same.
    """
    if user.check_password(password):
        raise ValidationError("Es la misma contraseña de ahora. Escriba otra.")
    validate_password(password, user)
    with transaction.atomic():
        _save(user, password)
        standing.forget_others(user, keep)
        forgotten = settings.EMITE_URL + reverse("login:forgot")
        post("accounts/changed", {"user": user, "address": forgotten}, to=user.email, now=now)
        record(organization_id=None, actor=user.email, action="password.change", subject=f"user:{user.pk}", now=now)


def _save(user: User, password: str) -> None:
    user.set_password(password)
    user.save(update_fields=["password"])
