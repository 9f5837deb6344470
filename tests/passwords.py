"""The application's own way to keep passwords with one round instead of a million: tests type them all day."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class Quick(PBKDF2PasswordHasher):
    iterations = 1
