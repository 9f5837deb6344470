"""Addresses of the payer. Nouns in Spanish."""

from django.urls import URLPattern, path

from emite.web.insurer import inbox, invoice, payments, remittance, undoing

app_name = "insurer"
_FACTURAS = "aseguradora/facturas/<uuid:pk>/"
urlpatterns: list[URLPattern] = [
    path("aseguradora/", inbox.home, name="home"),
    path("aseguradora/bandeja/", inbox.inbox, name="inbox"),
    path("aseguradora/bandeja/dictaminar/", inbox.decide, name="decide"),
    path(_FACTURAS, invoice.invoice, name="invoice"),
    path(f"{_FACTURAS}dictamen/", invoice.decide, name="decide_one"),
    path(f"{_FACTURAS}programar/", invoice.schedule, name="schedule"),
    path(f"{_FACTURAS}sat/", invoice.ask_sat, name="ask_sat"),
    path(f"{_FACTURAS}cfdi.xml", invoice.xml, name="xml"),
    path(f"{_FACTURAS}cfdi.pdf", invoice.pdf, name="pdf"),
    path("aseguradora/complementos/<uuid:pk>.xml", invoice.complement_xml, name="complement_xml"),
    path("aseguradora/notas-de-credito/<uuid:pk>.xml", invoice.credit_xml, name="credit_xml"),
    path("aseguradora/pagos/", payments.payments, name="payments"),
    path("aseguradora/pagos/registrar/", payments.register, name="pay"),
    path("aseguradora/pagos/<uuid:pk>/deshacer/", undoing.undo, name="undo"),
    path("aseguradora/pagos/archivo/", remittance.upload, name="remittance"),
    path("aseguradora/pagos/plantilla.csv", remittance.template, name="remittance_template"),
    path("aseguradora/antiguedad/", payments.ageing, name="ageing"),
]
