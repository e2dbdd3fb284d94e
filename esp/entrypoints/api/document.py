"""The OpenAPI document: APIFlask's, with what every operation has in common."""

from __future__ import annotations

import re
from typing import Any, cast

import orjson
from apiflask import APIFlask
from flask import Response

from esp.entrypoints.api.frame import PREFIX, without_key
from esp.entrypoints.api.problems import KINDS, MEDIA_TYPE
from esp.entrypoints.api.rates import PER_MINUTE
from esp.entrypoints.api.shapes.parts import Problem

DESCRIPTION = f"""What the pages do with lists, contacts, templates, broadcasts, imports, domains;
and what is on its way.

A key opens one account. Make one in Settings, under API keys, or with `esp api-key create`, and
send it with every request: `Authorization: Bearer esp_…`. A key may be used {PER_MINUTE:,} times a
minute.

Collections answer `data` and `next_cursor`; ask again with `cursor` for the next page. Times are
ISO 8601 in UTC. Send an `Idempotency-Key` with a POST, and the same request sent again does
nothing and gets the same answer. What goes wrong is a problem document (RFC 9457)."""

_NESTED = re.compile(r"#/components/schemas/\w+\.(\w+)")
_COMMON = (401, 429, 500, 503)
_WITH_ID = (404,)
_WITH_BODY = (400, 413, 415, 422)
_CHANGING = (409,)


def install(app: APIFlask) -> None:
    """Serve the document at /api/v1/openapi.json."""
    app.config["OPENAPI_VERSION"] = "3.1.0"
    app.config["AUTO_OPERATION_ID"] = True
    for name in ("AUTO_VALIDATION_ERROR_RESPONSE", "AUTO_AUTH_ERROR_RESPONSE", "AUTO_404_RESPONSE"):
        app.config[name] = False
    app.description = DESCRIPTION
    app.spec_processor(_complete)

    @app.get(f"{PREFIX}/openapi.json")
    @app.doc(hide=True)
    @without_key
    def openapi() -> Response:
        return Response(orjson.dumps(document(app)), mimetype="application/json")


def document(app: APIFlask) -> dict[str, Any]:
    """Made once a process."""
    made: dict[str, Any] | None = app.extensions.get("esp-document")
    if made is None:
        made = app.extensions["esp-document"] = cast(dict[str, Any], app.spec)
    return made


def _complete(written: dict[Any, Any] | str) -> dict[Any, Any] | str:
    """Give operations their errors, the key and the header that they have in common."""
    spec = _with_plain_names(written)
    parts = spec["components"]
    schemas = parts["schemas"]
    nested = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= nested.pop("$defs", {})
    schemas["Problem"] = nested
    parts["responses"] = {str(status): _response(status) for status in KINDS}
    parts["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "A key of the account: esp_…"}
    }
    parts["parameters"] = {
        "IdempotencyKey": {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "Anything of your own that names this request, and no other.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
            "example": "order-1042-welcome",
        }
    }
    spec["security"] = [{"key": []}]
    spec["servers"] = [{"url": "/"}]
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            _complete_operation(path, method, operation)
    return spec


def _complete_operation(path: str, method: str, operation: dict[str, Any]) -> None:
    statuses = list(_COMMON)
    if "{" in path:
        statuses += _WITH_ID
    if "requestBody" in operation:
        statuses += _WITH_BODY
        operation["requestBody"]["required"] = method != "post" or not path.endswith("}")
    elif any(parameter["in"] == "query" for parameter in operation["parameters"]):
        statuses.append(422)
    if method != "get":
        statuses += _CHANGING
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            parameter["schema"] = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}
            parameter["example"] = 42
        else:
            parameter |= _written_plainly(parameter["schema"])
    if method == "post":
        operation["parameters"].append({"$ref": "#/components/parameters/IdempotencyKey"})
    responses = operation["responses"]
    # The same answer, told apart by its status.
    if "201" in responses and "200" in responses:
        responses["200"]["content"] = responses["201"]["content"]
    for status in sorted(set(statuses)):
        responses[str(status)] = {"$ref": f"#/components/responses/{status}"}


def _written_plainly(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is there or not, but never null."""
    told = {key: value for key, value in schema.items() if key not in ("anyOf", "title")}
    told |= next((part for part in schema.get("anyOf", ()) if part != {"type": "null"}), {})
    if told.get("default", "") is None:
        del told["default"]
    description = told.pop("description", None)
    return {"schema": told} | ({"description": description} if description else {})


def _response(status: int) -> dict[str, Any]:
    content = {"schema": {"$ref": "#/components/schemas/Problem"}}
    described: dict[str, Any] = {
        "description": KINDS[status][1],
        "content": {MEDIA_TYPE: content},
    }
    header = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}.get(status)
    if header:
        described["headers"] = {header: {"schema": {"type": "string"}}}
    return described


def _with_plain_names(spec: object) -> dict[str, Any]:
    """A shape within another stands once, under its own name."""
    text = _NESTED.sub(r"#/components/schemas/\1", orjson.dumps(spec).decode())
    plain = cast(dict[str, Any], orjson.loads(text))
    schemas = plain["components"]["schemas"]
    for name in [name for name in schemas if "." in name]:
        schemas.setdefault(name.rpartition(".")[2], schemas[name])
        del schemas[name]
    return plain
