"""Addresses of the desk. Nouns in Spanish, because people read and dictate them."""

from django.urls import path

from emite.web.desk import (
    charge_page,
    enhancements,
    home,
    invoicing,
    issuer,
    new_charge,
    paying,
    prints,
    registers,
)

app_name = "desk"
urlpatterns = [
    path("caja/", home.home, name="home"),
    path("caja/remisiones/nueva/", new_charge.new_charge, name="new_charge"),
    path("caja/remisiones/nueva/calculo/", new_charge.calculate, name="calculate"),
    path("caja/servicios/", new_charge.items, name="items"),
    path("caja/claves/", new_charge.claves, name="claves"),
    path("caja/remisiones/<uuid:pk>/", charge_page.charge_page, name="charge"),
    path("caja/remisiones/<uuid:pk>/pagos/", paying.take_payment, name="pay"),
    path("caja/remisiones/<uuid:pk>/pagos/cambio/", paying.change, name="change"),
    path("caja/remisiones/<uuid:pk>/cancelar/", charge_page.void_charge, name="void"),
    path("caja/remisiones/<uuid:pk>/codigo/", charge_page.code_page, name="code"),
    path("caja/remisiones/<uuid:pk>/codigo/anular/", charge_page.revoke, name="revoke"),
    path("caja/remisiones/<uuid:pk>/imprimir/", prints.print_ticket, name="print_ticket"),
    path("caja/remisiones/<uuid:pk>/ticket/<int:number>/", prints.ticket, name="ticket"),
    path("caja/remisiones/<uuid:pk>/ticket/<int:number>.pdf", prints.ticket_pdf, name="ticket_pdf"),
    path("caja/remisiones/<uuid:pk>/factura/", invoicing.invoice, name="invoice"),
    path("caja/remisiones/<uuid:pk>/factura/estado/", charge_page.invoice_piece, name="invoice_piece"),
    path("caja/remisiones/<uuid:pk>/factura/opciones/", invoicing.choices, name="invoice_choices"),
    path("caja/remisiones/<uuid:pk>/factura/xml", invoicing.xml, name="invoice_xml"),
    path("caja/remisiones/<uuid:pk>/factura/pdf", invoicing.pdf, name="invoice_pdf"),
    path("caja/remisiones/<uuid:pk>/factura/correo/", invoicing.mail, name="invoice_mail"),
    path("caja/pagos/<uuid:pk>/imprimir/", prints.print_slip, name="print_slip"),
    path("caja/pagos/<uuid:pk>/<int:number>/", prints.slip, name="slip"),
    path("caja/pagos/<uuid:pk>/<int:number>.pdf", prints.slip_pdf, name="slip_pdf"),
    path("caja/cajas/", registers.registers, name="registers"),
    path("caja/cajas/<uuid:pk>/uso/", registers.switch, name="register_switch"),
    path("caja/emisor/", issuer.issuer_page, name="issuer"),
    path("caja/emisor/<uuid:pk>/certificado/", issuer.upload, name="csd"),
    path("caja/mejoras/", enhancements.enhancements, name="enhancements"),
    path("caja/mejoras/logo", enhancements.logo, name="logo"),
]
