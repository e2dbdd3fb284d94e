"""Reads the body of a request: only JSON, only what PostgreSQL can hold."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Request

from esp.entrypoints.api.problems import Rejected


class ApiRequest(Request):
    """A request whose body is JSON, or nothing."""

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """The body's value; an empty body is an empty object."""
        body = self.get_data()
        if not body:
            return {}
        if not self.is_json:
            raise Rejected(415, "Send JSON, with the header Content-Type: application/json.")
        try:
            # Refuses lone surrogates, NaN and nesting that would exhaust the stack.
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise Rejected(400, f"The body is not JSON: {error.msg}.") from error
