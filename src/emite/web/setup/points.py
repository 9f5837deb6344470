"""The points of "Lista para timbrar" that hospital and practice share: certificate, PAC, people, portal, mail."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.urls import reverse

from emite.accounts.models import Authenticator
from emite.charges.models import CashRegister
from emite.invoices import watching
from emite.issuers import pac_manifests, pac_stamps
from emite.issuers.models import Issuer, PacAccount, StoredCsd
from emite.mailing.files import keeps_letters_here
from emite.organizations import portal
from emite.organizations.models import Membership, Organization
from emite.organizations.permissions import Need
from emite.organizations.portal import PortalState
from emite.pac.connect import PROVIDERS
from emite.web.setup.words import PORTAL_STATES

WARN_BEFORE_EXPIRY: Final = dt.timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Point:
    """`tone`: good, cost (one can work, but), wrong (nothing goes until it is mended)."""

    tone: str
    title: str
    detail: str
    #: Where it is mended; "" when that is outside of these pages.
    address: str
    #: Grows into something wrong if nobody looks at it.
    is_pressing: bool = False

    @property
    def is_missing(self) -> bool:
        return self.tone == "wrong"

    @property
    def is_urgent(self) -> bool:
        """Worth a line on the desk's first page, and not only in this list."""
        return self.is_missing or self.is_pressing


def certificate(issuer: Issuer, csd: StoredCsd | None, now: dt.datetime, page: str) -> Point:
    if csd is None:
        return Point("wrong", "Falta el certificado", f"{issuer.rfc} no tiene CSD: no se puede sellar.", page)
    if csd.not_after <= now:
        return Point("wrong", "Certificado vencido", f"El CSD de {issuer.rfc} venció: cargue el nuevo.", page)
    days = (csd.not_after - now).days
    if csd.not_after - now < WARN_BEFORE_EXPIRY:
        return Point("cost", "Certificado por vencer", f"Al CSD de {issuer.rfc} le quedan {days} días.", page, True)
    return Point("good", "Certificado de sello", f"El CSD de {issuer.rfc} sirve {days} días más.", page)


def pac(issuer: Issuer, account: PacAccount | None, now: dt.datetime, page: str) -> Point:
    if account is None:
        return Point("wrong", "Falta la cuenta del PAC", f"{issuer.rfc} no tiene con quién timbrar.", page)
    if account.open_until and account.open_until > now:
        return Point(
            "cost", "El PAC no responde", "Las facturas esperan en cola y se timbrarán solas cuando vuelva.", page, True
        )
    if account.provider == "sandbox":
        return Point("cost", "PAC de pruebas", "Lo que se timbra no tiene valor fiscal.", page)
    name = PROVIDERS.get(account.provider, account.provider)
    match pac_manifests.standing(account):
        case pac_manifests.Standing.PENDING:
            detail = f"{issuer.rfc} debe firmar la carta manifiesto de {name} en su página: sin ella no se envía nada."
            return Point("wrong", "Falta la carta manifiesto", detail, page)
        case pac_manifests.Standing.REFUSED:
            detail = f"{name} dice que no tiene firmada la de {issuer.rfc}: fírmela en su página."
            return Point("wrong", "El PAC no reconoce la carta manifiesto", detail, page)
    if pac_stamps.runs_short(account):
        detail = f"En la cuenta de {name} quedan {account.stamps_left:,}. Compre más antes de que falten."
        return Point("cost" if account.stamps_left else "wrong", "Quedan pocos timbres", detail, page, True)
    return Point("good", "Cuenta del PAC", f"{issuer.rfc} timbra con {name}.", page)


def people(organization: Organization) -> Iterator[Point]:
    page = reverse("setup:people")
    billers = list(
        Membership.objects.who_may(Need.ISSUE).filter(organization=organization).values_list("user__name", flat=True)
    )
    if billers:
        yield Point("good", "Usuario facturador", f"Pueden emitir facturas: {', '.join(sorted(billers)[:4])}.", page)
    else:
        yield Point("wrong", "Falta el usuario facturador", "Nadie tiene permiso de emitir facturas.", page)
    administrators = Membership.objects.who_may(Need.ADMINISTER).filter(organization=organization)
    safe = Authenticator.objects.filter(user__memberships__in=administrators).exclude(confirmed_at=None).values("user")
    without = list(administrators.exclude(user__in=safe).values_list("user__name", flat=True))
    if without:
        who = ", ".join(sorted(without)[:4])
        yield Point(
            "cost",
            "Falta el segundo paso",
            f"Sin código al entrar: {who}. Con un PAC real se exige.",
            reverse("login:second_step"),
        )
    else:
        yield Point("good", "Segundo paso", "Cada administrador entra con contraseña y código.", page)


def portal_points(organization: Organization) -> Iterator[Point]:
    state = portal.state_of(organization)
    said = PORTAL_STATES[state]
    activated = state in (PortalState.NOT_LINKED, PortalState.USER_LOST, PortalState.NO_DAYS, PortalState.ON)
    linked = state in (PortalState.NO_DAYS, PortalState.ON)
    page = reverse("setup:activation")
    if activated:
        yield Point("good", "Portal activado", "Soporte aprobó la activación.", page)
    else:
        yield Point("wrong", "Falta activar el portal", said.meaning, page)
    page = reverse("setup:link")
    if linked:
        link = portal.link_of(organization)
        yield Point("good", "Portal vinculado", f"Emite en nombre de {link.user.name if link else ''}.", page)
    elif activated:
        # In the name of the same person the factura global starts by itself.
        alone = " Mientras tanto la factura global no se emite sola." if watching.lacks_user(organization) else ""
        yield Point("wrong", "Falta el vínculo", said.meaning + alone, page)
    else:
        yield Point("wrong", "Falta el vínculo", "Se hace cuando soporte activa el portal.", page)
    register = CashRegister.objects.filter(organization=organization, web_invoicing=True, active=True).first()
    page = reverse("desk:registers")
    if register:
        yield Point("good", "Caja de facturación web", f"{register.name} lleva lo que se factura en línea.", page)
    else:
        yield Point("wrong", "Falta la caja de facturación web", "Agregue una caja con «Facturación web».", page)
    page = reverse("desk:enhancements")
    if organization.portal_days is None:
        yield Point("wrong", "Faltan los días", "Escriba cuántos días tiene el paciente para facturar en línea.", page)
    else:
        yield Point("good", "Días para facturar", f"{organization.portal_days} después de la remisión.", page)


def letters() -> Point:
    if keeps_letters_here():
        return Point(
            "cost",
            "Los correos no salen",
            "Se guardan en archivos: quien instaló emite nombra un servidor con EMITE_EMAIL_HOST.",
            "",
        )
    return Point("good", "Correo", "Hay un servidor que envía los correos.", "")
