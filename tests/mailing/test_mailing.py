"""Mails say what their templates say, hide no header, and land as files where no server is named."""

import email
import email.policy
import smtplib
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import BadHeaderError, EmailMessage

from emite.mailing.composing import Attachment, compose
from emite.mailing.files import EmlBackend
from emite.mailing.sending import MailRefused, MailUnavailable, send

TEMPLATES = {
    "m.subject.txt": "Su factura de {{ hospital }}\n",
    "m.txt": "Total: {{ total }} en {{ hospital }}",
    "m.html": "<p>{{ hospital }}</p>",
    "plain.subject.txt": "Hola",
    "plain.txt": "Hola",
}


@pytest.fixture(autouse=True)
def templates(settings: Any) -> None:
    loaders = [("django.template.loaders.locmem.Loader", TEMPLATES)]
    settings.TEMPLATES = [
        {"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": {"loaders": loaders}}
    ]


def written(folder: Path) -> Any:
    (path,) = folder.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


def test_a_mail_becomes_a_file(tmp_path: Path) -> None:
    context = {"hospital": "Niño & Hijos <SA>", "total": "$1,160.00"}
    message = compose("m", context, to="ana@example.mx", message_id="f1@telmo",
                      attachments=[Attachment("f.xml", b"<a/>", "application/xml")])  # fmt: skip
    assert EmlBackend(file_path=tmp_path / "mail").send_messages([message]) == 1
    read = written(tmp_path / "mail")
    assert read["Subject"] == "Su factura de Niño & Hijos <SA>"
    assert (read["To"], read["Message-ID"], read["Auto-Submitted"]) == (
        "ana@example.mx",
        "<f1@telmo>",
        "auto-generated",
    )
    assert read.get_body(("plain",)).get_content().strip() == "Total: $1,160.00 en Niño & Hijos <SA>"
    assert "Niño &amp; Hijos &lt;SA&gt;" in read.get_body(("html",)).get_content()
    (attached,) = read.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == ("f.xml", "application/xml")


def test_a_line_break_adds_no_header(tmp_path: Path) -> None:
    assert compose("m", {"hospital": "a\nBcc: x@y.mx"}, to="ana@example.mx").subject == "Su factura de a Bcc: x@y.mx"
    message = compose("plain", {}, to="ana@example.mx\nBcc: x@y.mx")
    with pytest.raises(BadHeaderError):
        EmlBackend(file_path=tmp_path).send_messages([message])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("raised", "expected"),
    [(smtplib.SMTPRecipientsRefused({"a": (550, b"no such user")}), MailRefused),
     (smtplib.SMTPRecipientsRefused({"a": (451, b"greylisted")}), MailUnavailable),
     (smtplib.SMTPDataError(554, b"spam"), MailRefused), (smtplib.SMTPDataError(452, b"full"), MailUnavailable),
     (smtplib.SMTPAuthenticationError(535, b"bad password"), MailUnavailable),
     (smtplib.SMTPServerDisconnected("gone"), MailUnavailable), (ConnectionRefusedError(), MailUnavailable)],
)  # fmt: skip
def test_a_refusal_is_final_or_not(
    raised: Exception, expected: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: EmailMessage, fail_silently: bool = False) -> int:
        raise raised

    monkeypatch.setattr(EmailMessage, "send", refuse)
    with pytest.raises(expected):
        send(EmailMessage("s", "b", to=["a"]))
