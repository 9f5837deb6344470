"""Addresses of logging in and out."""

from django.urls import path

from emite.web.login import invitations, own_password, own_sessions, passwords, second_step, views

app_name = "login"
urlpatterns = [
    path("entrar/", views.enter, name="enter"),
    path("entrar/codigo/", second_step.code, name="code"),
    path("entrar/segundo-paso/", second_step.set_up, name="second_step"),
    path("entrar/segundo-paso/codigos/", second_step.new_codes, name="recovery_codes"),
    path("entrar/contrasena/", passwords.forgot, name="forgot"),
    path("entrar/contrasena/nueva/", passwords.reset, name="reset_form"),
    path("entrar/contrasena/<uuid:pk>/<str:token>/", passwords.reset_link, name="reset"),
    path("entrar/invitacion/", invitations.accept, name="accept"),
    path("entrar/invitacion/<str:token>/", invitations.invited, name="invited"),
    path("entrar/organizacion/", views.choose, name="choose"),
    path("cuenta/sesiones/", own_sessions.own_sessions, name="own_sessions"),
    path("cuenta/contrasena/", own_password.own_password, name="own_password"),
    path("cuenta/confirmar/", own_password.prove, name="prove"),
    path("salir/", views.leave, name="leave"),
    path("salir/listo/", views.left, name="left"),
]
