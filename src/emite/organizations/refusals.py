"""What the set-up refuses, with the field that cures it and the words for whoever asked."""

from __future__ import annotations


class SetupRefused(Exception):
    """It cannot be done as asked. `field` is the one to correct, or "" for the whole."""

    def __init__(self, message: str, field: str = "") -> None:
        self.message, self.field = message, field
        super().__init__(message)


class NotAllowed(SetupRefused):
    """Whoever asked may not do this at all."""

    def __init__(self, message: str = "Su cuenta no tiene permiso para hacer esto.") -> None:
        super().__init__(message)
