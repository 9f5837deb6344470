"""One message to the mail server, and what its refusal means. Called by jobs, never while a patient waits.
Retrying is the job's affair."""

import smtplib

from django.core.mail import EmailMessage


class MailRefused(Exception):
    """The server will never take this message (address unknown, content refused)."""


class MailUnavailable(Exception):
    """No answer, or not now: try again later."""


def send(message: EmailMessage) -> None:
    """Hand the message over. Raises MailRefused (final) or MailUnavailable (try again)."""
    try:
        message.send(fail_silently=False)
    except smtplib.SMTPRecipientsRefused as error:
        codes = {code for code, _text in error.recipients.values()}
        raise (MailRefused if all(code >= 500 for code in codes) else MailUnavailable)(str(sorted(codes))) from error
    except smtplib.SMTPResponseException as error:
        final = error.smtp_code >= 500 and not isinstance(error, smtplib.SMTPAuthenticationError)
        raise (MailRefused if final else MailUnavailable)(str(error.smtp_code)) from error
    except (smtplib.SMTPException, OSError) as error:
        raise MailUnavailable(type(error).__name__) from error
