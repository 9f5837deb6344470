"""Addresses of the portal; only the QR's carries a code, and it answers with a redirect."""

from django.urls import URLPattern

app_name = "portal"
urlpatterns: list[URLPattern] = []
