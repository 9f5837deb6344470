"""A visitor without a browser: cookies, links and forms over HTTP, as an old phone without JavaScript.

It knows HTML, not our pages; what it walks is in `roads`.
"""

from __future__ import annotations

import http.cookiejar
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urljoin

from lxml import html


class Lost(Exception):
    """A page is not what the road expects; carries the address and what stood there."""


@dataclass(frozen=True, slots=True)
class Page:
    """What came back, after redirects."""

    url: str
    status: int
    body: bytes
    kind: str

    @property
    def tree(self) -> html.HtmlElement:
        return html.fromstring(self.body)

    @property
    def text(self) -> str:
        """The words of the page, folded."""
        return " ".join(str(self.tree.text_content()).split())

    def link(self, contains: str) -> str:
        """The absolute address of the first link whose address contains these letters. Raises Lost."""
        for href in self.tree.xpath("//a/@href"):
            if contains in href:
                return urljoin(self.url, str(href))
        raise Lost(f"{self.url}: no hay un enlace con «{contains}»: {self.text[:400]}")

    def form(self, has: str) -> html.FormElement:
        """The form that has a field with this name. Raises Lost."""
        for form in self.tree.forms:
            if has in form.fields:
                return form
        raise Lost(f"{self.url}: no hay un formulario con «{has}»: {self.text[:400]}")


class Visitor:
    """One person with one set of cookies."""

    def __init__(self, site: str, *, timeout: float = 30) -> None:
        self.site, self.timeout = site, timeout
        jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(jar), urllib.request.ProxyHandler({})
        )

    def get(self, address: str) -> Page:
        return self._open(urllib.request.Request(urljoin(self.site, address)))

    def submit(
        self,
        page: Page,
        values: Mapping[str, str],
        *,
        has: str = "csrfmiddlewaretoken",
        button: tuple[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes]] | None = None,
    ) -> Page:
        """Fill the form that has the field `has`, press `button` (name, value) and follow the answer."""
        return self.submit_form(page, page.form(has), values, button=button, files=files)

    def submit_form(
        self,
        page: Page,
        form: html.FormElement,
        values: Mapping[str, str],
        *,
        button: tuple[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes]] | None = None,
    ) -> Page:
        """The same with a form already in hand."""
        fields = [(name, value) for name, value in form.form_values() if name not in values]
        fields += list(values.items())
        if button:
            fields.append(button)
        target = urljoin(page.url, form.get("action") or page.url)
        if files:
            body, kind = _multipart(fields, files)
        else:
            body, kind = urlencode(fields).encode(), "application/x-www-form-urlencoded"
        headers = {"Content-Type": kind, "Origin": self.site, "Referer": page.url}
        return self._open(urllib.request.Request(target, data=body, headers=headers))

    def _open(self, request: urllib.request.Request) -> Page:
        if not request.full_url.startswith(self.site):
            raise Lost(f"el camino saldría de {self.site}: {request.full_url}")
        try:
            with self._opener.open(request, timeout=self.timeout) as answer:
                return Page(answer.url, answer.status, answer.read(), answer.headers.get_content_type())
        except urllib.error.HTTPError as error:
            with error:
                return Page(error.url or "", error.code, error.read(), error.headers.get_content_type())


def _multipart(fields: list[tuple[str, str]], files: Mapping[str, tuple[str, bytes]]) -> tuple[bytes, str]:
    edge = uuid.uuid4().hex
    parts: list[bytes] = []
    for name, value in fields:
        parts.append(f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
    for name, (filename, data) in files.items():
        head = f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n\r\n'
        parts.append(head.encode() + data + b"\r\n")
    parts.append(f"--{edge}--\r\n".encode())
    return b"".join(parts), f"multipart/form-data; boundary={edge}"
