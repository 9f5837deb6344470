"""All addresses that people open."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("emite.web.design.urls")),
    path("", include("emite.web.portal.urls")),
    path("", include("emite.web.login.urls")),
    path("", include("emite.web.desk.urls")),
    path("", include("emite.web.practice.urls")),
    path("", include("emite.web.insurer.urls")),
    path("", include("emite.web.setup.urls")),
    path("", include("emite.web.support.urls")),
    path("", include("emite.web.api.urls")),
    path("", include("emite.web.guides.urls")),
]
