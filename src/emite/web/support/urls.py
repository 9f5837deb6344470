"""Addresses of the support staff."""

from django.urls import path

from emite.web.setup import alarms
from emite.web.support import activations, log, organizations

app_name = "support"
urlpatterns = [
    path("soporte/", activations.home, name="home"),
    path("soporte/activaciones/<uuid:pk>/", activations.activation, name="activation"),
    path("soporte/organizaciones/", organizations.organizations, name="organizations"),
    path("soporte/organizaciones/<uuid:pk>/", organizations.receiving, name="receiving"),
    path("soporte/avisos/", alarms.everybodys, name="alarms"),
    path("soporte/bitacora/", log.log_page, name="log"),
    path("soporte/bitacora/<str:kind>", log.export, name="log_export"),
    path("soporte/bitacora/verificar/", log.verify, name="log_verify"),
]
