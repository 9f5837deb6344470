"""Addresses of the practice. Nouns in Spanish, in the order of the insurers' own guide."""

from django.urls import URLPattern, path

from emite.web.practice import (
    agenda,
    complements,
    copays,
    finance,
    fiscal,
    glosas,
    home,
    intake,
    invoice,
    linking,
    payer_side,
    payers,
    physicians,
    registering,
    service_import,
    services,
    settings,
    transfers,
)

app_name = "practice"
_FACTURAS = "consultorio/finanzas/facturacion/facturas/"
_PAGOS = "consultorio/finanzas/pagos/"
urlpatterns: list[URLPattern] = [
    path("consultorio/", home.home, name="home"),
    path("consultorio/finanzas/", home.finance, name="finance"),
    path("consultorio/finanzas/mes/<uuid:pk>/", home.month, name="month"),
    path("consultorio/finanzas/facturacion/servicios/", finance.performed, name="performed"),
    path(_FACTURAS, finance.invoices, name="invoices"),
    path(f"{_FACTURAS}registrar/", registering.register, name="register"),
    path(f"{_FACTURAS}<uuid:pk>/", invoice.invoice, name="invoice"),
    path(f"{_FACTURAS}<uuid:pk>/servicios/", registering.choose, name="choose"),
    path(f"{_FACTURAS}<uuid:pk>/emitir/", invoice.issue, name="issue"),
    path(f"{_FACTURAS}<uuid:pk>/avance/", invoice.progress, name="progress"),
    path(f"{_FACTURAS}<uuid:pk>/fecha/", invoice.change_date, name="change_date"),
    path(f"{_FACTURAS}<uuid:pk>/externo/", intake.load, name="external"),
    path(f"{_FACTURAS}<uuid:pk>/sat/", intake.ask_sat, name="ask_sat"),
    path(f"{_FACTURAS}<uuid:pk>/descartar/", invoice.discard, name="discard"),
    path(f"{_FACTURAS}<uuid:pk>/cancelar/", intake.cancel, name="cancel"),
    path(f"{_FACTURAS}<uuid:pk>/correo/", invoice.mail, name="mail"),
    path(f"{_FACTURAS}<uuid:pk>/cfdi.xml", invoice.xml, name="xml"),
    path(f"{_FACTURAS}<uuid:pk>/cfdi.pdf", invoice.pdf, name="pdf"),
    path(f"{_FACTURAS}<uuid:pk>/respuesta/", payer_side.word, name="word"),
    path("consultorio/finanzas/facturacion/respuestas/<uuid:pk>/evidencia", payer_side.word_file, name="word_file"),
    path(f"{_PAGOS}registrar/", transfers.register, name="register_transfer"),
    path(f"{_PAGOS}<uuid:pk>/", transfers.transfer, name="transfer"),
    path(f"{_PAGOS}<uuid:pk>/evidencia", transfers.transfer_file, name="transfer_file"),
    *complements.addresses,
    *glosas.addresses,
    *agenda.addresses,
    *copays.addresses,
    *settings.addresses,
    *fiscal.addresses,
    *linking.addresses,
    *services.addresses,
    *service_import.addresses,
    *payers.addresses,
    *physicians.addresses,
]
