"""Inputs written quickly say what Django's own templates would say."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from django import forms

from emite.web.design.widgets import written

CHOICES: list[Any] = [("", "Elige"), ("Grupo <1>", [("a", "A & B"), ('b"', "«B»")]), ("c", "C")]


class _Form(forms.Form):
    text = forms.CharField(widget=forms.TextInput(attrs={"class": "capitals", "data-x": True}), max_length=20)
    mail = forms.EmailField(required=False)
    kind = forms.CharField(widget=forms.Select(choices=CHOICES))
    yes = forms.BooleanField(required=False)
    many = forms.CharField(widget=forms.Textarea)


class _Seen(HTMLParser):
    def __init__(self, markup: str) -> None:
        super().__init__()
        self.found: list[object] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.found.append(data.strip())


@pytest.mark.parametrize("name", list(_Form.base_fields))
@pytest.mark.parametrize(
    "typed",
    [None, {}, {"text": '"><script>', "mail": "a@b.mx", "kind": 'b"', "yes": "on", "many": "</textarea>"}],
    ids=["unbound", "empty", "hostile"],
)
def test_the_same_as_django_writes(name: str, typed: dict[str, str] | None) -> None:
    bound = _Form(typed, initial={"kind": "c"}, auto_id="%s")[name]
    attrs = {"aria-describedby": "x", "hx-post": "/y?a=1&b=2"}

    assert _Seen(written(bound, dict(attrs))).found == _Seen(bound.as_widget(attrs=dict(attrs))).found
