"""How a body is read: strict JSON in UTF-8, no key twice, no NaN, nothing too deep.

What the fields may hold is said in `schemas`.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

from django.http import HttpRequest
from ninja.parser import Parser

from emite.web.api.problems import Problem


class StrictParser(Parser):
    """ninja's door for bodies. Raises Problem, which ninja wraps as the cause of its own error."""

    def parse_body(self, request: HttpRequest) -> Any:
        if request.content_type != "application/json":
            raise Problem("not_json", "Envíe Content-Type: application/json.")
        return read_json(request.body)


def read_json(body: bytes) -> Any:
    """The value of a body. Raises Problem."""
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_pairs, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Problem("bad_json", "El cuerpo no es JSON: revise comas, comillas y que vaya en UTF-8.") from error


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Problem("bad_json", "Un objeto del cuerpo trae el mismo campo dos veces.")
    return made


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)
