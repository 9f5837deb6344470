"""Sessions in the database, in the table and with the words of Django's, by one statement for each look and write."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import VALID_KEY_CHARS, CreateError, UpdateError
from django.contrib.sessions.middleware import SessionMiddleware
from django.contrib.sessions.models import Session
from django.db import InternalError, connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import get_random_string

from emite.database import standby
from emite.database.kept import Given, Kept

_LIVE = Kept(lambda: Session.objects.filter(session_key=Given("key"), expire_date__gt=Given("now")), of_nobody=True)
_INSERT = """INSERT INTO django_session (session_data, expire_date, session_key) VALUES (%s, %s, %s)
             ON CONFLICT DO NOTHING"""
_UPDATE = "UPDATE django_session SET session_data = %s, expire_date = %s WHERE session_key = %s"


class SessionStore(db.SessionStore):
    """Only how rows are reached differs from Django's."""

    #: What is noted while somebody only looks: where the database cannot be written, it is not kept.
    by_the_way = False
    #: Said by whoever begins something in a page that is only looked at (a code that was scanned).
    must_keep = False

    def save(self, must_create: bool = False) -> None:
        """Raises CreateError for a key that is taken, UpdateError when the session has been ended meanwhile."""
        if self.session_key is None:
            return self.create()
        row = self.create_model_instance(self._get_session(no_load=must_create))  # type: ignore[attr-defined]
        with connection.kept_cursor(of_nobody=True) as cursor:  # type: ignore[attr-defined] # our own backend's
            values: list[Any] = [row.session_data, row.expire_date, row.session_key]
            try:
                cursor.execute(_INSERT if must_create else _UPDATE, values)
            except InternalError as error:
                if must_create or not self.by_the_way or not standby.refused_to_write(error):
                    raise
                return None  # who was already in goes on reading
            if not cursor.rowcount:
                raise CreateError if must_create else UpdateError
        return None

    def _get_session_from_db(self) -> Any:
        found = _LIVE.first(key=self.session_key, now=timezone.now())
        if found is None:
            self._session_key = None
        return found

    def _get_new_session_key(self) -> str:
        # 165 random bits: the INSERT says whether it is taken, nobody needs to look before.
        return get_random_string(32, VALID_KEY_CHARS)


class Sessions(SessionMiddleware):
    """Django's, which also knows when people only look."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        session: SessionStore = request.session  # type: ignore[assignment] # our own, by SESSION_ENGINE
        session.by_the_way = request.method in ("GET", "HEAD") and not session.must_keep
        return super().process_response(request, response)
