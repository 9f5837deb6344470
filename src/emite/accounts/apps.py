"""Each log-in, however it came about, begins a session that is listed and ends."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest
from django.utils import timezone


class AccountsConfig(AppConfig):
    name = "emite.accounts"

    def ready(self) -> None:
        user_logged_in.connect(_begin, dispatch_uid="emite.accounts.standing")


def _begin(request: HttpRequest, user: Any, **_: Any) -> None:
    from emite.accounts import standing  # needs the models

    standing.begin(request.session, user, request.META.get("HTTP_USER_AGENT", ""), now=timezone.now())
