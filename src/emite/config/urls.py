"""The root of all addresses. What answers them lives in web."""

from django.urls import include, path

urlpatterns = [path("", include("emite.web.urls"))]

handler400 = "emite.web.errors.pages.bad_request"
handler403 = "emite.web.errors.pages.forbidden"
handler404 = "emite.web.errors.pages.not_found"
handler500 = "emite.web.errors.pages.server_error"
