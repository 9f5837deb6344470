"""Django's settings, all of them; each value may come from one environment variable named beside it.
Reading this file starts nothing: the server of the database is started by commands (emite.database)."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from emite.config import environment
from emite.database.address import dsn
from emite.database.folder import data_folder

# The folder of everything that is not code (EMITE_DATA).
EMITE_DATA: Path = data_folder()

# The address people type, as printed on tickets and mails.
EMITE_URL = environment.text("EMITE_URL", "http://127.0.0.1:8000").rstrip("/")
_SITE = urlsplit(EMITE_URL)
_HTTPS = _SITE.scheme == "https"

# Set by `emite demo`: its people, whose password everybody knows, may put off their second step of logging in.
EMITE_DEMO = environment.flag("EMITE_DEMO")
DEBUG = environment.flag("EMITE_DEBUG")
# Mail addresses of who runs the installation: what is wrong with the whole of it is told here.
EMITE_OPERATORS = environment.words("EMITE_OPERATORS")
# Who carries this word may read /metrics; empty: there is no such address, and nothing is counted.
EMITE_METRICS_TOKEN = environment.secret("EMITE_METRICS_TOKEN", EMITE_DATA / "metrics_token")
# Made by the set-up; empty means that nothing has been set up, and Django refuses to sign with it.
SECRET_KEY = environment.secret("EMITE_SECRET_KEY", EMITE_DATA / "secret_key")
SECRET_KEY_FALLBACKS = environment.words("EMITE_SECRET_KEY_FALLBACKS")
ALLOWED_HOSTS = [_SITE.hostname or "127.0.0.1", "127.0.0.1", "localhost", *environment.words("EMITE_HOSTS")]
CSRF_TRUSTED_ORIGINS = [EMITE_URL, *environment.words("EMITE_ORIGINS")]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "procrastinate.contrib.django",
    # lowest first
    "emite.limits",
    "emite.vault",
    "emite.audit",
    "emite.accounts",
    "emite.organizations",
    "emite.integrations",
    "emite.issuers",
    "emite.chargemaster",
    "emite.documents",
    "emite.charges",
    "emite.care",
    "emite.invoices",
    "emite.credits",
    "emite.settlements",
    "emite.evidence",
    "emite.cancellations",
    "emite.reconciling",
    "emite.reviews",
    "emite.alarms",
    "emite.web.design",
    "emite.web.guides",
    "emite.web.printing",
    "emite.web.login",
    "emite.web.portal",
    "emite.web.desk",
    "emite.web.practice",
    "emite.web.insurer",
    "emite.web.setup",
    "emite.web.support",
    "emite.web.api",
]

MIDDLEWARE = [
    "emite.web.metrics.MetricsMiddleware",
    "emite.web.middleware.ReferenceMiddleware",
    "emite.web.middleware.TenancyMiddleware",
    "emite.web.middleware.HeadersMiddleware",
    "emite.web.api.middleware.ProblemsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    # Pages carry masked tokens and random padding, so that zipping them tells nobody anything.
    "django.middleware.gzip.GZipMiddleware",
    "emite.web.sessions.Sessions",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "emite.web.staying.StayingMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "emite.web.middleware.ErrorsMiddleware",
]

ROOT_URLCONF = "emite.config.urls"
WSGI_APPLICATION = "emite.config.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- the database -----------------------------------------------------------------------------------------------------
# DATABASE_URL, DATABASE_OWNER_URL: the operator's server; otherwise the embedded one of the data folder.
# Threads of a web server share a pool (EMITE_DB_POOL connections); everything else keeps one per thread.
# EMITE_DB_PREPARE=no behind a pooler that cannot keep prepared statements.
_POOL = environment.number("EMITE_DB_POOL", 0)
_ADDRESS = dsn("app").django()
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **_ADDRESS,
        "OPTIONS": {
            **_ADDRESS["OPTIONS"],
            **({"prepare_threshold": 5} if environment.flag("EMITE_DB_PREPARE", True) else {}),
            **({"pool": {"min_size": 1, "max_size": _POOL, "timeout": 10}} if _POOL else {}),
        },
        "CONN_MAX_AGE": 0 if _POOL else 600,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- people -----------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
PASSWORD_RESET_TIMEOUT = 3600
LOGIN_URL = "/entrar/"
LOGIN_REDIRECT_URL = "/caja/"
LOGOUT_REDIRECT_URL = "/entrar/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "emite.accounts.weak_words.ContextWordsValidator"},
]

# Sessions live in the database so that "Terminar" really ends one: a copied cookie is worth nothing afterwards.
SESSION_ENGINE = "emite.web.sessions"
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
# Of the staff, counted from log-in whatever they do; and their minutes without use (EMITE_SESSION_IDLE).
SESSION_COOKIE_AGE = 12 * 3600
EMITE_SESSION_IDLE = max(5, environment.number("EMITE_SESSION_IDLE", 60))
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = _HTTPS
SESSION_COOKIE_NAME = "__Host-emite" if _HTTPS else "emite"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = _HTTPS
CSRF_COOKIE_NAME = "__Host-emite-csrf" if _HTTPS else "emite-csrf"
CSRF_FAILURE_VIEW = "emite.web.errors.pages.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# --- printers ---------------------------------------------------------------------------------------------------------
# Private networks where thermal printers may be reached, as 192.168.0.0/16; none unless the operator says so.
EMITE_PRINTER_NETWORKS = environment.words("EMITE_PRINTER_NETWORKS")

# --- headers ----------------------------------------------------------------------------------------------------------
SECURE_SSL_REDIRECT = _HTTPS
SECURE_HSTS_SECONDS = 2 * 365 * 86400 if _HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _HTTPS
SECURE_HSTS_PRELOAD = _HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
# No other site learns where somebody comes from. Under "no-referrer" browsers send their own forms with "Origin: null",
# which the check against forged forms must refuse; the one address that carries a code sends "no-referrer" itself.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Only behind a proxy that sets this header itself and drops the client's.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if environment.flag("EMITE_TRUST_PROXY") else None
EMITE_TRUST_PROXY = environment.flag("EMITE_TRUST_PROXY")
# Named and shaped as Django 6 has it; our own middleware sends it until then.
SECURE_CSP: dict[str, list[str]] = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "font-src": ["'self'"],
    "connect-src": ["'self'"],
    "manifest-src": ["'self'"],
    "frame-ancestors": ["'none'"],
    "base-uri": ["'none'"],
    "form-action": ["'self'"],
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20

# --- language and time ------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "es-mx"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "America/Mexico_City"

# --- files ------------------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
# The app serves its own: hashed names, nothing to collect.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "emite.web.design.assets.AssetStorage"},
}

# --- mail: into files of the data folder unless a server is named -----------------------------------------------------
EMAIL_BACKEND = environment.text("EMITE_EMAIL_BACKEND") or (
    "django.core.mail.backends.smtp.EmailBackend"
    if environment.text("EMITE_EMAIL_HOST")
    else "emite.mailing.files.EmlBackend"
)
EMAIL_HOST = environment.text("EMITE_EMAIL_HOST")
EMAIL_PORT = environment.number("EMITE_EMAIL_PORT", 587)
EMAIL_HOST_USER = environment.text("EMITE_EMAIL_USER")
EMAIL_HOST_PASSWORD = environment.secret("EMITE_EMAIL_PASSWORD", EMITE_DATA / "email_password")
EMAIL_USE_TLS = environment.flag("EMITE_EMAIL_TLS", True)
EMAIL_TIMEOUT = 20
EMAIL_FILE_PATH = EMITE_DATA / "mail"
DEFAULT_FROM_EMAIL = environment.text("EMITE_EMAIL_FROM", "emite <no-responder@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# --- the PAC: certificates of the stamp signers that are trusted besides SAT's own ------------------------------------
PAC_TRUST_DIR: Path = EMITE_DATA / "sandbox" / "authority"
# Seconds to connect, to wait for a part of the answer, and for the whole call: well below a worker's lease (90).
PAC_TIMEOUTS = (5.0, 30.0, 40.0)
# The port of this machine where the installation's own sandbox PAC listens: the only one a sandbox account may name.
PAC_SANDBOX_PORT = environment.number("EMITE_SANDBOX_PORT", 8801)
# Hosts (or host:port) of the operator's own network, or of this machine, that PAC accounts may name besides.
PAC_ALLOWED = environment.words("EMITE_PAC_ALLOWED")

# --- webhooks: hosts (or host:port) of the operator's own network that may be told, also without TLS ------------------
WEBHOOK_ALLOWED = environment.words("EMITE_WEBHOOK_ALLOWED")

# --- jobs -------------------------------------------------------------------------------------------------------------
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = ""

# structlog is the only writer of logs (emite.ops.logging); Django must not add its own handlers.
LOGGING_CONFIG = None
