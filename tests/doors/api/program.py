"""A program with a key of its own account."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from esp.accounts import api_keys
from esp.runtime import Runtime
from tests.factories import make_account

MEDIA_TYPE = "application/problem+json"


@dataclass
class Program:
    """Calls the API; `address` is where under /api/v1."""

    app: Flask
    account_id: int
    key: str
    client: Any = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.app.test_client()

    def call(self, method: str, address: str, body: Any = None, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.key}", **options.pop("headers", {})}
        if body is not None:
            options["json"] = body
        path = address if address.startswith("/api/") else f"/api/v1/{address}"
        return self.client.open(path, method=method, headers=headers, **options)

    def get(self, address: str, **query: Any) -> TestResponse:
        return self.call("GET", address, query_string=query)

    def post(self, address: str, body: Any = None, **options: Any) -> TestResponse:
        return self.call("POST", address, body, **options)

    def patch(self, address: str, body: Any) -> TestResponse:
        return self.call("PATCH", address, body)

    def delete(self, address: str) -> TestResponse:
        return self.call("DELETE", address)

    def made(self, address: str, body: Any) -> dict[str, Any]:
        """What was made; it must succeed."""
        answer = self.post(address, body)
        assert answer.status_code in (200, 201, 202), answer.text
        return answer.json


def make_program(runtime: Runtime, app: Flask, **account: Any) -> Program:
    """A new account and a key that opens it."""
    with runtime.transaction(None) as session:
        account_id = make_account(session, **account)
        key = api_keys.create_key(session, account_id, "shop").key
    return Program(app, account_id, key)


def problem(answer: TestResponse, status: int) -> dict[str, Any]:
    """The problem document, whose form is checked here."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == MEDIA_TYPE
    body = answer.json
    assert set(body) == {"type", "title", "status", "detail", "errors"}
    assert body["status"] == status
    assert body["type"].startswith("/api/v1/docs#problem-")
    assert body["detail"]
    assert all(set(error) == {"place", "text"} for error in body["errors"])
    return body


def places(answer: TestResponse) -> list[str]:
    return [error["place"] for error in problem(answer, 422)["errors"]]


def in_account(runtime: Runtime, program: Program) -> Any:
    """A transaction in the program's account."""
    return runtime.transaction(program.account_id)
