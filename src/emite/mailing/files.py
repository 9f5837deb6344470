"""The mail server of a laptop: each message becomes an .eml file that any mail program opens.
Chosen by settings when no server is named."""

import os
import re
import secrets
from collections.abc import Sequence
from email.message import Message
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone


class EmlBackend(BaseEmailBackend):
    """Writes `<time>-<recipient>-<random>.eml` into EMAIL_FILE_PATH, whole or not at all, closed to others."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.folder = Path(kwargs.pop("file_path", None) or settings.EMAIL_FILE_PATH)
        super().__init__(*args, **kwargs)

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for message in email_messages:
            self._write(message.message(), message.to)
        return len(email_messages)

    def _write(self, message: Message, to: Sequence[str]) -> None:
        who = re.sub(r"[^A-Za-z0-9@._-]", "_", to[0] if to else "nadie")[:80]
        name = f"{timezone.now():%Y%m%dT%H%M%S}-{who}-{secrets.token_hex(3)}.eml"
        draft = self.folder / f".{name}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(message.as_bytes())
        draft.rename(self.folder / name)


def keeps_letters_here() -> bool:
    """No server was named: mails are files in the data folder and reach nobody."""
    return bool(f"{EmlBackend.__module__}.{EmlBackend.__qualname__}" == settings.EMAIL_BACKEND)
