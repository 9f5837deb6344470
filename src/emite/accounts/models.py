"""User: a person who logs in with an e-mail address, their second step, and the letters that the system sends.

Roles and permissions are not here: they belong to a Membership of an organization.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac

from emite.database.ids import uuid7


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = User(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        user.save(force_insert=True)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser):
    """A person. `is_operator` marks the support staff of the installation."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField("correo electrónico", unique=True)
    name = models.CharField("nombre", max_length=120)
    is_active = models.BooleanField(default=True)
    is_operator = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    # Part of every session's mark: one more, and all sessions of the person have ended.
    session_version = models.PositiveIntegerField(default=0)

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(Lower("email"), name="user_email_any_case"),
        ]

    def __str__(self) -> str:
        return self.name

    def _get_session_auth_hash(self, secret: str | bytes | None = None) -> str:
        return salted_hmac(
            "emite.accounts.session", f"{self.session_version}:{self.password}", secret=secret, algorithm="sha256"
        ).hexdigest()


class OpenSession(models.Model):
    """Whose a session is, for its person to see and end. Its key opens the account: no backup takes these rows."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="open_sessions")
    session_key = models.CharField(max_length=40, unique=True)
    device = models.CharField(max_length=60)
    began_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.device


class Authenticator(models.Model):
    """The second step of a person's log-in: an app that shows six digits (TOTP, RFC 6238).

    `last_step` is the last half minute whose digits were taken: none is taken twice.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="authenticator")
    secret_cipher = models.BinaryField()
    confirmed_at = models.DateTimeField(null=True)
    last_step = models.BigIntegerField(default=0)
    code_fields: ClassVar[tuple[str, ...]] = ("secret_cipher",)
    code_owner: ClassVar[str] = "user_id"

    def __str__(self) -> str:
        return str(self.user_id)


class RecoveryCode(models.Model):
    """One of the codes that stand in for a lost telephone, once. Kept as a keyed hash."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    code_hash = models.BinaryField(max_length=32)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "code_hash"], name="recovery_code_once"),
        ]

    def __str__(self) -> str:
        return str(self.user_id)


class Letter(models.Model):
    """A mail of the system on its way. Its words may carry a link that opens something: sealed, and dropped once sent.

    `organization_id` is a plain column (organizations live above); letters of the installation have UUID zero.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization_id = models.UUIDField()
    address = models.EmailField()
    sealed_words = models.BinaryField()
    created_at = models.DateTimeField()
    next_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=60, blank=True)
    sealed_fields: ClassVar[dict[str, str]] = {"sealed_words": "letter"}

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["next_at"], condition=models.Q(next_at__isnull=False), name="letter_due"),
        ]

    def __str__(self) -> str:
        return str(self.pk)
