"""The root of all addresses. What answers them lives in web."""

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = (
    [path("", include("emite.web.urls"))] if find_spec("emite.web") and find_spec("emite.web.urls") else []
)
