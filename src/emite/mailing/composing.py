"""Templates to a message: `<name>.subject.txt`, `<name>.txt` and, if there is one, `<name>.html`.
Sends nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.mail import EmailMultiAlternatives
from django.template import Context, Engine, TemplateDoesNotExist
from django.template.loader import get_template


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    content: bytes
    mime: str


def compose(
    template: str,
    context: Mapping[str, Any],
    *,
    to: str,
    attachments: Iterable[Attachment] = (),
    reply_to: str = "",
    message_id: str = "",
) -> EmailMultiAlternatives:
    """A message to one person. Plain text is not escaped as HTML, the HTML part is.

    message_id: the same for every attempt of the same mail, so that a repeated one shows once.
    Raises BadHeaderError (Django) when an address or the subject hides a line break.
    """
    subject = " ".join(_plain(f"{template}.subject.txt", context).split())
    headers = {"Auto-Submitted": "auto-generated", **({"Message-ID": f"<{message_id}>"} if message_id else {})}
    message = EmailMultiAlternatives(
        subject=subject,
        body=_plain(f"{template}.txt", context).strip() + "\n",
        to=[to],
        reply_to=[reply_to] if reply_to else None,
        headers=headers,
    )
    try:
        html = get_template(f"{template}.html")
    except TemplateDoesNotExist:
        html = None
    if html is not None:
        message.attach_alternative(html.render(dict(context)), "text/html")
    for attachment in attachments:
        message.attach(attachment.name, attachment.content, attachment.mime)
    return message


def _plain(template: str, context: Mapping[str, Any]) -> str:
    """Rendered without HTML escaping: `&` stays `&` in a text."""
    return Engine.get_default().get_template(template).render(Context(dict(context), autoescape=False))
