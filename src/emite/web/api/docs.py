"""The documentation for people: the OpenAPI drawn on the server, without a script and without another host."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from emite.web.api.api import api
from emite.web.api.problems import CODES

_KINDS = {"string": "texto", "integer": "entero", "boolean": "booleano", "object": "objeto", "null": "null"}
_FORMATS = {"uuid": "UUID", "date": "fecha", "date-time": "fecha y hora", "binary": "bytes"}


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Public: it says how to ask, and nothing of any organization."""
    said = {"groups": groups(), "schemas": schemas(), "codes": codes(), "info": info()}
    return render(request, "api/docs.html", said)


def info() -> dict[str, str]:
    return dict(api.get_openapi_schema()["info"])


def codes() -> list[tuple[str, int, str]]:
    return [(code, status, title) for code, (status, title) in CODES.items()]


@cache
def groups() -> list[tuple[str, list[dict[str, Any]]]]:
    """The operations under their tags, in the order of the schema."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path, item in api.get_openapi_schema()["paths"].items():
        for method, operation in item.items():
            found.setdefault(operation["tags"][0], []).append(_operation(path, method, operation))
    return list(found.items())


@cache
def schemas() -> list[tuple[str, list[dict[str, Any]]]]:
    """The objects and their fields, by name."""
    found = api.get_openapi_schema()["components"]["schemas"]
    return [(name, _fields(found[name])) for name in sorted(found) if "properties" in found[name]]


def _operation(path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    answers = [
        (status, one["description"], next(iter(one.get("content", {})), ""), _type(_schema(one)))
        for status, one in operation["responses"].items()
        if int(status) < 400
    ]
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation["summary"],
        "description": operation.get("description", ""),
        "parameters": [
            {
                "name": one["name"],
                "place": one["in"],
                "type": _type(one["schema"]),
                "required": one["required"],
                "description": one.get("description", ""),
            }
            for one in operation["parameters"]
        ],
        "body": _type(body) if body else "",
        "answers": answers,
    }


def _schema(answered: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, dict[str, Any]] = answered.get("content", {})
    for media in content.values():
        return dict(media.get("schema", {}))
    return {}


def _fields(schema: dict[str, Any]) -> list[dict[str, Any]]:
    required = schema.get("required", [])
    return [
        {"name": name, "type": _type(one), "required": name in required, "description": one.get("description", "")}
        for name, one in schema["properties"].items()
    ]


def _type(schema: dict[str, Any]) -> str:
    """A type in a few words: `texto`, `lista de LineIn`, `"open" | "void"`."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " | ".join(_type(one) for one in schema["anyOf"])
    if "allOf" in schema:
        return _type(schema["allOf"][0])
    if "enum" in schema:
        return " | ".join(json.dumps(one, ensure_ascii=False) for one in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"], ensure_ascii=False)
    kind = schema.get("type", "")
    if kind == "array":
        return f"lista de {_type(schema.get('items', {}))}"
    return _FORMATS.get(schema.get("format", "")) or _KINDS.get(kind, kind)
