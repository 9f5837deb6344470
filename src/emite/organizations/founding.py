"""A new organization, made by support, with the invitation of its first administrator."""

from __future__ import annotations

import datetime as dt

from django.core.exceptions import ValidationError
from django.core.validators import validate_email, validate_slug
from django.db import transaction

from emite.accounts.models import User
from emite.audit import record
from emite.cfdi import codes
from emite.organizations import members
from emite.organizations.models import Organization
from emite.organizations.permissions import Role
from emite.organizations.refusals import NotAllowed, SetupRefused

NAME_LIMIT, SLUG_LIMIT = 120, 40


def found(
    *, name: str, slug: str, postal_code: str, administrator: str, by: User, now: dt.datetime,
    kind: str = Organization.Kind.HOSPITAL,
) -> Organization:  # fmt: skip
    """The organization and the mail to whoever will administer it. Raises NotAllowed, SetupRefused.

    A physician administers the own practice and invoices in it; elsewhere the administrator says who may issue.
    """
    if not (by.is_operator and by.is_active):
        raise NotAllowed()
    if kind not in Organization.Kind.values:
        raise SetupRefused("Elija hospital, consultorio, aseguradora o administradora.", "kind")
    name, slug = " ".join(name.split()), slug.strip().lower()
    if not 0 < len(name) <= NAME_LIMIT:
        raise SetupRefused(f"Escriba el nombre comercial, en {NAME_LIMIT} letras o menos.", "name")
    if len(slug) > SLUG_LIMIT:
        raise SetupRefused(f"El identificador lleva {SLUG_LIMIT} letras o menos: escriba uno más corto.", "slug")
    try:
        validate_slug(slug)
    except ValidationError as error:
        raise SetupRefused("Use letras sin acento, números y guiones, por ejemplo san-telmo.", "slug") from error
    if Organization.objects.filter(slug=slug).exists():
        raise SetupRefused(f"Ya hay una organización con el enlace /f/{slug}: elija otro.", "slug")
    if not codes.contains("c_CodigoPostal", postal_code):
        raise SetupRefused(f"El SAT no tiene el código postal {postal_code}: revíselo.", "postal_code")
    try:
        validate_email(administrator.strip())
    except ValidationError as error:
        raise SetupRefused("El correo de su administrador no está completo.", "administrator") from error
    with transaction.atomic():
        made = Organization.objects.create(name=name, slug=slug, kind=kind, postal_code=postal_code)
        record(
            organization_id=made.pk, actor=by.email, action="organization.create", subject=f"organization:{made.pk}",
            after={"name": made.name, "slug": made.slug, "kind": made.kind, "postal_code": made.postal_code}, now=now,
        )  # fmt: skip
        members.invite(
            made, email=administrator, role=Role.ADMINISTRADOR, can_issue=kind == Organization.Kind.PRACTICE,
            by=by, now=now,
        )  # fmt: skip
    return made
