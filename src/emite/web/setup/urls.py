"""Addresses of the set-up."""

from django.urls import path

from emite.web.setup import activation, alarms, home, link, log, people

app_name = "setup"
urlpatterns = [
    path("caja/configuracion/", home.home, name="home"),
    path("caja/configuracion/activacion/", activation.activation, name="activation"),
    path("caja/configuracion/vinculo/", link.link, name="link"),
    path("caja/configuracion/vinculo/quitar/", link.revoke, name="link_revoke"),
    path("caja/configuracion/personas/", people.people, name="people"),
    path("caja/configuracion/personas/<uuid:pk>/", people.person, name="person"),
    path("caja/configuracion/personas/<uuid:pk>/baja/", people.deactivate, name="person_deactivate"),
    path("caja/configuracion/personas/<uuid:pk>/segundo-paso/", people.forget, name="person_second_step"),
    path("caja/configuracion/invitaciones/<uuid:pk>/reenviar/", people.resend, name="invitation_resend"),
    path("caja/configuracion/invitaciones/<uuid:pk>/retirar/", people.revoke, name="invitation_revoke"),
    path("caja/configuracion/avisos/", alarms.own, name="alarms"),
    path("caja/configuracion/bitacora/", log.log_page, name="log"),
    path("caja/configuracion/bitacora/<str:kind>", log.export, name="log_export"),
    path("caja/configuracion/bitacora/verificar/", log.verify, name="log_verify"),
]
