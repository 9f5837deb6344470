"""All addresses that people open."""

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("emite.web.design.urls")),
    path("", include("emite.web.portal.urls")),
    *([path("", include("emite.web.desk.urls"))] if find_spec("emite.web.desk.urls") else []),
]
