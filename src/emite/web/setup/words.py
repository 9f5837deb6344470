"""States and acts of the set-up in words. Each state of the portal also says who moves next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from emite.organizations.portal import PortalState


@dataclass(frozen=True, slots=True)
class Said:
    """A badge, what it means, and the name of the page where it is mended."""

    tone: str
    badge: str
    meaning: str
    page: str


PORTAL_STATES: Final = {
    PortalState.NOT_ASKED: Said(
        "", "Sin activar", "Solicite la activación: soporte la revisa y la aprueba.", "setup:activation"
    ),
    PortalState.WAITING: Said("cost", "Por aprobar", "Soporte está revisando la solicitud.", "setup:activation"),
    PortalState.REFUSED: Said(
        "wrong", "Rechazada", "Soporte no aprobó la activación: vea el motivo y vuelva a solicitarla.",
        "setup:activation",
    ),
    PortalState.SUSPENDED: Said(
        "wrong", "Suspendida", "Soporte suspendió el portal: vea el motivo. En caja se factura igual.",
        "setup:activation",
    ),
    PortalState.NOT_LINKED: Said(
        "wrong", "Sin vincular", "El usuario facturador debe iniciar sesión una vez para vincularlo.", "setup:link"
    ),
    PortalState.USER_LOST: Said(
        "wrong",
        "Detenido",
        "Quien lo vinculó ya no puede emitir facturas: devuélvale el permiso o vincule a otra persona.",
        "setup:link",
    ),
    PortalState.NO_DAYS: Said(
        "cost", "Apagado", "No hay días para facturar en línea: escríbalos en Configuración de mejoras.",
        "desk:enhancements",
    ),
    PortalState.ON: Said("good", "Encendido", "Los pacientes pueden facturar en línea.", "desk:enhancements"),
}  # fmt: skip

#: What the audit log calls each act. An act not listed shows its own name.
ACTS: Final = {
    "organization.change": "Cambió la configuración",
    "organization.create": "Creó la organización",
    "register.create": "Agregó una caja",
    "register.activate": "Volvió a usar una caja",
    "register.deactivate": "Sacó de uso una caja",
    "issuer.create": "Escribió los datos fiscales",
    "issuer.change": "Cambió los datos fiscales",
    "csd.load": "Cargó un certificado",
    "member.invite": "Invitó a una persona",
    "member.invite_again": "Reenvió una invitación",
    "member.invite_revoke": "Retiró una invitación",
    "member.join": "Aceptó la invitación",
    "member.change": "Cambió el papel de una persona",
    "member.deactivate": "Dio de baja a una persona",
    "member.second_step_forget": "Quitó el segundo paso de una persona",
    "portal.activation_ask": "Solicitó activar el portal",
    "portal.activation_approved": "Aprobó la activación del portal",
    "portal.activation_refused": "Rechazó la activación del portal",
    "portal.activation_suspended": "Suspendió el portal",
    "portal.link": "Vinculó el portal",
    "portal.link_revoke": "Quitó el vínculo del portal",
    "api_key.create": "Creó una llave",
    "api_key.revoke": "Revocó una llave",
    "webhook.create": "Agregó una dirección de avisos",
    "webhook.remove": "Quitó una dirección de avisos",
    "webhook.replay": "Envió otra vez un aviso",
    "charge.void": "Canceló una remisión",
    "charge.revoke_code": "Anuló el código de una remisión",
    "closing.policy": "Cambió la política de la factura global",
    "closing.start": "Empezó una factura global",
    "password.ask": "Pidió una contraseña nueva",
    "password.set": "Cambió su contraseña",
    "second_step.set": "Activó su segundo paso",
    "second_step.codes": "Pidió códigos de recuperación nuevos",
    "audit.export": "Descargó la bitácora",
    "audit.verify": "Verificó la bitácora",
    "operator.create": "Nombró a un operador de soporte",
    "keys.rotate": "Cambió las llaves",
}
