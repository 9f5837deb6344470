"""Addresses of the API and of its documentation."""

from django.urls import path

from emite.web.api import docs
from emite.web.api.api import api

urlpatterns = [
    path("api/v1/docs", docs.docs, name="api_docs"),
    path("api/v1/", api.urls),
]
