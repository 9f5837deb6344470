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
    "organization.export": "Escribió en un archivo todo lo de la organización",
    "payer_account.join": "Conectó un RFC: recibe lo que se le facture",
    "payer_account.part": "Desconectó un RFC",
    "register.create": "Agregó una caja",
    "register.activate": "Volvió a usar una caja",
    "register.deactivate": "Sacó de uso una caja",
    "issuer.create": "Escribió los datos fiscales",
    "issuer.change": "Cambió los datos fiscales",
    "csd.load": "Cargó un certificado",
    "care.import": "Registró varios servicios de otro sistema",
    "agenda.book": "Agendó una cita",
    "agenda.change": "Cambió una cita",
    "agenda.attended": "Registró una cita como realizada",
    "agenda.cancel": "Canceló una cita",
    "physician.create": "Agregó un médico",
    "physician.change": "Cambió los datos de un médico",
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
    "charge.refund": "Devolvió servicios de una remisión",
    "charge.renew_code": "Renovó el código de una remisión",
    "charge.mail_link": "Envió por correo el enlace de una remisión",
    "slip.void": "Deshizo un pago",
    "branch.create": "Agregó una sucursal",
    "branch.change": "Cambió una sucursal",
    "collecting.policy": "Cambió cómo se cobra",
    "item.create": "Agregó un servicio a la lista de precios",
    "item.change": "Cambió un servicio de la lista de precios",
    "item.import": "Importó la lista de precios",
    "request.close": "Cerró una solicitud",
    "register.printer": "Cambió la impresora de una caja",
    "cancellation.ask": "Pidió cancelar una factura",
    "cancellation.take_back": "Retiró una cancelación",
    "credit.glosa": "Pidió una nota de crédito por glosa",
    "complement.substitute": "Pidió sustituir un complemento de pago",
    "insurer_invoice.substitute": "Pidió sustituir una factura a la aseguradora",
    "credit.ask": "Pidió una nota de crédito",
    "late.ask": "Pidió una factura después de la global",
    "closing.policy": "Cambió la política de la factura global",
    "closing.start": "Empezó una factura global",
    "password.ask": "Pidió una contraseña nueva",
    "password.set": "Cambió su contraseña",
    "password.change": "Cambió su contraseña desde su sesión",
    "session.close": "Cerró una de sus sesiones",
    "session.close_others": "Cerró sus demás sesiones",
    "second_step.set": "Activó su segundo paso",
    "second_step.codes": "Pidió códigos de recuperación nuevos",
    "audit.export": "Descargó la bitácora",
    "month.export": "Descargó un mes para el contador",
    "audit.verify": "Verificó la bitácora",
    "operator.create": "Nombró a un operador de soporte",
    "keys.rotate": "Cambió las llaves",
}

#: What the audit log calls the things that change. Names of SAT and names not listed stay as they are.
FIELDS: Final = {
    "accent": "color", "active": "en uso", "address": "domicilio", "branch": "sucursal",
    "breaks": "roturas", "can_issue": "emite facturas",
    "email": "correo", "expires_at": "vence", "former_places": "CP anteriores",
    "kind": "formato", "logo": "logo", "lugar_expedicion": "CP de expedición",
    "name": "nombre", "no_certificado": "certificado", "nombre": "nombre fiscal", "not_after": "vence",
    "note": "mensaje",
    "owed_accounts": "cuentas sin pagar", "portal_days": "días en línea", "portal_text": "mensaje al paciente",
    "postal_code": "CP", "reason": "motivo", "regimen_fiscal": "régimen", "rfc": "RFC", "role": "papel",
    "scopes": "permisos", "second_step_forgotten": "segundo paso quitado", "slug": "enlace", "state": "estado",
    "support_email": "correo de ayuda", "support_hours": "horario", "support_phone": "teléfono de ayuda",
    "user": "persona", "usos_offered": "usos ofrecidos", "web_invoicing": "facturación web",
}  # fmt: skip
_VALUES: Final = {
    "requested": "solicitada", "approved": "activa", "refused": "rechazada", "suspended": "suspendida",
    "wait": "esperan el pago", "desk": "van a caja",
}  # fmt: skip


def value_in_words(value: object) -> str:
    """A value of the audit log as people read it."""
    if isinstance(value, bool):
        return "sí" if value else "no"
    if value is None or value == "":
        return "nada"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "nada"
    return _VALUES.get(str(value), str(value))
