"""Logs: one line per event, only fields that are on the list, secrets blotted out of every text.
Django's, procrastinate's and our own go through the same sieve."""

import logging
import os
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

# A field that is not here is left out and named under `omitted`: add it when it can hold no person and no secret.
_FIELDS = """
    event level logger timestamp exception stack omitted
    request method path status route elapsed_ms
    organization organization_id issuer document charge uuid state kind code attempt tries
    documents closing charges hours rows count woken seconds job task queue worker pid process signal exit_code
    pac provider http outcome host port version detail reason error why need file size name step
    account comparison delivery letter notice cancellation substitution invoice note payment follow_up rebuild
    differing listed finished made orphans left
"""
ALLOWED = frozenset(_FIELDS.split())

_HIDDEN = "[oculto]"
_CROCKFORD = "[0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]"
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [^-]+-----.*?(-----END [^-]+-----|\Z)", re.S), "[PEM]"),
    (re.compile(r"MII[A-Za-z0-9+/\r\n]{24,}={0,2}"), "[base64]"),
    (re.compile(r"[A-Za-z0-9+/]{60,}={0,2}"), "[base64]"),
    (re.compile(r"(?i)\b((?:\w*passw(?:or)?d|contraseña|secret\w*|token|authorization|cookie|api[_-]?key)['\"]?\s*[=:]\s*)"
                r"(?:bearer\s+)?('[^']*'|\"[^\"]*\"|\S+)"), rf"\1{_HIDDEN}"),
    (re.compile(r"(?i)(://[^:/\s@]+:)[^@/\s]+@"), rf"\1{_HIDDEN}@"),
    (re.compile(r"(/entrar/(?:invitacion|contrasena)/)[^\s\"'?]+"), rf"\1{_HIDDEN}"),
    # A ticket's code: four groups of four symbols; without dashes, sixteen of which one is a digit or all are capitals.
    (re.compile(rf"(?<![0-9A-Za-z]){_CROCKFORD}{{4}}(?:[- ]{_CROCKFORD}{{4}}){{3}}(?![0-9A-Za-z])"), "[código]"),
    (re.compile(rf"(?<![0-9A-Za-z])(?=[A-Za-z]*\d|[A-Z]{{16}}){_CROCKFORD}{{16}}(?![0-9A-Za-z])"), "[código]"),
    (re.compile(r"(?<![A-Z0-9])[A-ZÑ&]{3,4}\d{6}[A-Z0-9]{3}(?![A-Z0-9])"), "[RFC]"),
    (re.compile(r"[\w.+-]+@([\w-]+\.[\w.-]+)"), r"[correo]@\1"),
)  # fmt: skip


def redact(text: str) -> str:
    """`text` without keys, long base64, passwords, ticket codes, RFCs and mailboxes."""
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def sieve(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """structlog processor: keeps ALLOWED fields and redacts every text in them."""
    kept = {key: _clean(value) for key, value in event.items() if key in ALLOWED or key.startswith("_")}
    omitted = sorted(key for key in event if key not in kept)
    if omitted:
        kept["omitted"] = omitted
    return kept


def configure(*, level: str = "") -> None:
    """Send everything to stderr: coloured lines for a terminal, JSON otherwise (EMITE_LOG=json|console)."""
    style = os.environ.get("EMITE_LOG", "") or ("console" if sys.stderr.isatty() else "json")
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,  # text without local variables
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if style == "console"
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, sieve, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level or os.environ.get("EMITE_LOG_LEVEL", "INFO"))
    for noisy in ("procrastinate", "django.request", "django.server", "urllib3", "psycopg.pool"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.captureWarnings(True)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"[{len(value)} bytes]"
    if isinstance(value, dict):
        return {key: _clean(inner) for key, inner in value.items() if key in ALLOWED}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact(str(value))
