"""Behind TLS: cookies, headers and Django's own look at a deployment. A process of its own: settings are read once."""

import json
import os
import subprocess
import sys

import pytest

_ASK = """
import json, django
from django.conf import settings
django.setup()
from django.core.checks import run_checks
from django.test import Client
tls = Client(headers={"host": "facturas.example"}, raise_request_exception=False)
page = tls.get("/entrar/", secure=True)
plain = tls.get("/entrar/")
print(json.dumps({
    "checks": [str(each) for each in run_checks(include_deployment_checks=True)],
    "status": page.status_code,
    "headers": {name.lower(): value for name, value in page.headers.items()},
    "cookies": [morsel.OutputString() for morsel in page.cookies.values()],
    "session": [settings.SESSION_COOKIE_NAME, settings.SESSION_COOKIE_SECURE, settings.SESSION_COOKIE_HTTPONLY,
                settings.SESSION_COOKIE_SAMESITE],
    "debug": settings.DEBUG,
    "plain": [plain.status_code, plain.headers.get("Location")],
    "trace": tls.trace("/entrar/", secure=True).status_code,
    "foreign": Client(headers={"host": "otro.example"}).get("/entrar/", secure=True).status_code,
}))
"""


@pytest.fixture(scope="module")
def deployed() -> dict:
    ours = ("EMITE_", "DATABASE_", "DJANGO_")  # a browser test of this run sets what no deployment has
    outside = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment = outside | {
        "EMITE_DATA": "/nonexistent", "EMITE_URL": "https://facturas.example", "EMITE_SECRET_KEY": "k9" * 30 + "-_x",
        "DJANGO_SETTINGS_MODULE": "emite.config.settings",
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", _ASK], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_django_finds_nothing_to_say(deployed: dict) -> None:
    assert deployed["checks"] == []
    assert deployed["debug"] is False


def test_cookies_belong_to_this_host_alone(deployed: dict) -> None:
    assert deployed["status"] == 200
    (cookie,) = deployed["cookies"]
    assert cookie.startswith("__Host-emite-csrf=")
    for words in ("HttpOnly", "SameSite=Lax", "Secure", "Path=/"):
        assert words in cookie
    assert "Domain" not in cookie
    assert deployed["session"] == ["__Host-emite", True, True, "Lax"]


def test_headers_keep_the_browser_on_tls_and_others_out(deployed: dict) -> None:
    headers = deployed["headers"]
    assert headers["strict-transport-security"] == "max-age=63072000; includeSubDomains; preload"
    assert not [name for name in headers if name.startswith("access-control-")]
    assert deployed["plain"] == [301, "https://facturas.example/entrar/"]
    assert deployed["trace"] == 405
    assert deployed["foreign"] == 400
