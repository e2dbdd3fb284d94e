"""The page that explains the API, made of its OpenAPI document, without any script."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import orjson
from apiflask import APIFlask
from flask import Response, redirect, render_template
from werkzeug.wrappers import Response as AnyResponse

from esp.entrypoints.api.document import DESCRIPTION, document
from esp.entrypoints.api.frame import PREFIX, runtime, without_key
from esp.entrypoints.api.problems import KINDS

_METHODS = ("get", "post", "patch", "delete")


@dataclass(frozen=True)
class Value:
    """A property of a shape, or a parameter."""

    name: str
    type: str
    is_required: bool
    description: str


@dataclass(frozen=True)
class Operation:
    """One method of one address."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[Value, ...]
    body: str
    body_type: str
    answers: tuple[tuple[str, str, str], ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Shape:
    """What goes in or out."""

    name: str
    description: str
    values: tuple[Value, ...]


def install(app: APIFlask) -> None:
    """Serve the page at /api/v1/docs."""

    @app.get(f"{PREFIX}/docs")
    @app.doc(hide=True)
    @without_key
    def docs() -> str:
        spec = document(app)
        return render_template(
            "api/docs.html",
            paragraphs=[" ".join(part.split("\n")) for part in DESCRIPTION.split("\n\n")],
            groups=groups(spec),
            shapes=shapes(spec),
            problems=KINDS,
            url=runtime().settings.public_url,
        )

    @app.get("/api/")
    @app.doc(hide=True)
    @without_key
    def begin() -> AnyResponse | Response:
        return redirect(f"{PREFIX}/docs")


def groups(spec: dict[str, Any]) -> dict[str, list[Operation]]:
    """Operations by their tag, in the order of the document."""
    found: dict[str, list[Operation]] = defaultdict(list)
    for path, methods in sorted(spec["paths"].items()):
        for method in _METHODS:
            if method in methods:
                operation = methods[method]
                found[operation["tags"][0]].append(_operation(path, method, operation))
    return dict(found)


def shapes(spec: dict[str, Any]) -> dict[str, Shape]:
    """Every shape that the operations name, by name."""
    return {
        name: Shape(name, schema.get("description", ""), tuple(_values(schema)))
        for name, schema in sorted(spec["components"]["schemas"].items())
    }


def type_of(schema: dict[str, Any]) -> str:
    """How a reader would call it: `text`, `list of Rate`, `number or nothing`."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(type_of(part) for part in schema["anyOf"]))
    if "enum" in schema:
        return " | ".join(orjson.dumps(value).decode() for value in schema["enum"])
    if "const" in schema:
        return orjson.dumps(schema["const"]).decode()
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"array of {type_of(schema.get('items', {}))}"
    if schema.get("format") in ("date-time", "date", "binary"):
        return str(schema["format"])
    return str(kind)


def _operation(path: str, method: str, told: dict[str, Any]) -> Operation:
    responses = told["responses"]
    media, body = _content(told.get("requestBody", {}))
    return Operation(
        id=told["operationId"],
        method=method.upper(),
        path=path,
        summary=told["summary"].rstrip("."),
        description=told.get("description", ""),
        parameters=tuple(
            Value(
                parameter["name"],
                type_of(parameter["schema"]),
                parameter["required"],
                parameter.get("description", ""),
            )
            for parameter in told["parameters"]
            if "$ref" not in parameter and parameter["in"] != "path"
        ),
        body=type_of(body["schema"]) if body else "",
        body_type=media,
        answers=tuple(
            (status, _answered(answer), answer.get("description", ""))
            for status, answer in sorted(responses.items())
            if "$ref" not in answer
        ),
        problems=tuple(status for status, answer in sorted(responses.items()) if "$ref" in answer),
    )


def _answered(answer: dict[str, Any]) -> str:
    media, content = _content(answer)
    if media == "application/json":
        return type_of(content["schema"])
    return str(media)


def _content(told: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Media type and what it holds; a body has one at most."""
    return next(iter(told.get("content", {}).items()), ("", {}))


def _values(schema: dict[str, Any]) -> list[Value]:
    required = schema.get("required", ())
    return [
        Value(name, type_of(part), name in required, part.get("description", ""))
        for name, part in schema.get("properties", {}).items()
    ]
