"""Addresses of the portal; only the QR's carries a code, and it answers with a redirect."""

from django.urls import path, re_path

from emite.web.portal import entering, helping, invoice, leaving, mending, requesting

app_name = "portal"
urlpatterns = [
    re_path(r"^q/(?P<slug>[-\w]+)/(?P<code>[^/]{1,60})/?$", entering.from_qr, name="qr"),
    path("f/<slug:slug>", entering.with_slash),
    path("f/<slug:slug>/", entering.code, name="code"),
    path("f/<slug:slug>/logo", entering.logo, name="logo"),
    path("f/<slug:slug>/terminar/", entering.finish, name="finish"),
    path("f/<slug:slug>/cargo/", requesting.charge, name="charge"),
    path("f/<slug:slug>/datos/", requesting.data, name="data"),
    path("f/<slug:slug>/datos/opciones/", requesting.options, name="options"),
    path("f/<slug:slug>/ayuda/", helping.help_page, name="help"),
    path("f/<slug:slug>/factura/", invoice.invoice, name="invoice"),
    path("f/<slug:slug>/factura/en-camino/", leaving.late, name="late"),
    path("f/<slug:slug>/factura/avance/", invoice.progress, name="progress"),
    path("f/<slug:slug>/factura/corregir/", mending.mend, name="mend"),
    path("f/<slug:slug>/factura/xml", invoice.xml, name="xml"),
    path("f/<slug:slug>/factura/pdf", invoice.pdf, name="pdf"),
    path("f/<slug:slug>/correo/", invoice.mail, name="mail"),
]
