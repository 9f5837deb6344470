"""Addresses of what the pages are made of."""

from django.urls import path, re_path

from emite.web.design import views

app_name = "design"
urlpatterns = [
    path("static/<path:path>", views.static_file, name="static"),
    re_path(r"^tema/(?P<colour>[0-9a-f]{6})\.css$", views.theme, name="theme"),
]
