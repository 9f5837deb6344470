"""What every adapter does with an HTTP answer: keep it as evidence, and take text and JSON out of it without trust.
Not here: what a provider's words mean (one file each)."""

from __future__ import annotations

import json
from typing import Any, Final

from emite.pac.http import Answer, NoAnswer, plain
from emite.pac.port import RAW_LIMIT, CancelDoubt, Doubt, Evidence, NotSent, NotSentCause

JSON: Final = "application/json"


def evidence(answer: Answer | NoAnswer, code: str | None) -> Evidence:
    """What was seen on the wire, with the code that was read in it."""
    if isinstance(answer, NoAnswer):
        return Evidence(answer.status, None, answer.partial[:RAW_LIMIT], None, answer.elapsed_ms)
    return Evidence(answer.status, code or None, answer.body[:RAW_LIMIT], answer.date, answer.elapsed_ms)


def refused(reason: str, answer: Answer, code: str, cause: NotSentCause) -> NotSent:
    """The PAC did not let us in. The body is not kept: a session's answer can hold a token, and evidence is stored."""
    return NotSent(reason, Evidence(answer.status, code or None, b"", answer.date, answer.elapsed_ms), cause)


def unanswered(answer: NoAnswer) -> Doubt | NotSent:
    """A document that got no whole answer: in doubt unless not one byte of it left."""
    if answer.written:
        return Doubt("", f"sin respuesta completa del PAC ({answer.reason})", evidence(answer, None))
    return NotSent(f"no se pudo conectar con el PAC ({answer.reason})", evidence(answer, None))


def cancel_unanswered(answer: NoAnswer) -> CancelDoubt | NotSent:
    """The same of a cancellation request."""
    met = unanswered(answer)
    return met if isinstance(met, NotSent) else CancelDoubt(met.code, met.text, met.evidence)


def json_object(answer: Answer) -> dict[str, Any]:
    """The JSON object of a body; {} when it is anything else."""
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def document(given: object) -> bytes:
    """The text of a document as bytes; empty when it can't be one (JSON can carry what UTF-8 can't)."""
    if not isinstance(given, str):
        return b""
    try:
        return given.encode()
    except UnicodeEncodeError:
        return b""


def words(given: object, answer: Answer) -> str:
    """A stranger's sentence, fit to be stored and shown."""
    said = plain(given, 500).strip() if isinstance(given, str) else ""
    return said or f"respuesta que no se entiende (HTTP {answer.status})"
