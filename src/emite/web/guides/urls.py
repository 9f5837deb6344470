"""Addresses of the guides: public, because they say nothing of any organization."""

from django.urls import path

from emite.web.guides import pages

app_name = "guides"
urlpatterns = [
    path("ayuda/", pages.index, name="index"),
    path("ayuda/img/<slug:name>.webp", pages.picture, name="picture"),
    path("ayuda/<slug:name>/", pages.guide, name="guide"),
]
