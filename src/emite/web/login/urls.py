"""Addresses of logging in and out."""

from django.urls import path

from emite.web.login import views

app_name = "login"
urlpatterns = [
    path("entrar/", views.enter, name="enter"),
    path("entrar/organizacion/", views.choose, name="choose"),
    path("salir/", views.leave, name="leave"),
    path("salir/listo/", views.left, name="left"),
]
