"""The app role is not the owner: rights are those that the grants say."""

import pytest
from django.db import ProgrammingError, connection

pytestmark = pytest.mark.django_db(transaction=True)


def test_tests_run_as_the_app_role() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == ("emite_app", False, False)


def test_the_app_role_changes_no_table() -> None:
    with pytest.raises(ProgrammingError, match="must be owner"), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE django_session ADD COLUMN extra int")


def test_the_extensions_answer() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT similarity(unaccent('médico'), 'medico'), 'A'::citext = 'a'::citext")
        assert cursor.fetchone() == (1.0, True)
