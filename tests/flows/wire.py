"""HTTP as programs and mail programs speak it: nothing is followed, nothing is hidden."""

from __future__ import annotations

import http.client
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

READER = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Thunderbird/145.0"


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def ask(
    method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """One request on a connection of its own."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        place = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, place, body, {"User-Agent": READER} | dict(headers or {}))
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def leave_by_one_click(url: str) -> Answer:
    """What a mail program sends when its own button is pressed (RFC 8058)."""
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    return ask("POST", url, b"List-Unsubscribe=One-Click", kind)


@dataclass(frozen=True)
class Program:
    """Speaks to the API under `base` with `key`; whatever is refused fails the test."""

    base: str
    key: str

    def get(self, place: str, **query: Any) -> Any:
        return self._json("GET", f"{place}?{urlencode(query)}" if query else place)

    def post(self, place: str, **body: Any) -> Any:
        kind = {"Content-Type": "application/json"}
        return self._json("POST", place, json.dumps(body).encode(), kind)

    def pages(self, place: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Every row of a collection."""
        query |= {"limit": 500}
        while True:
            page = self.get(place, **query)
            yield from page["data"]
            if page["next_cursor"] is None:
                return
            query["cursor"] = page["next_cursor"]

    def send_file(self, place: str, raw: bytes, **form: object) -> Any:
        """A contact file with the fields of its form."""
        edge = secrets.token_hex(16)
        pieces = [
            f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in form.items()
        ]
        head = 'Content-Disposition: form-data; name="file"; filename="people.csv"'
        pieces.append(f"--{edge}\r\n{head}\r\nContent-Type: text/csv\r\n\r\n".encode() + raw)
        pieces.append(f"\r\n--{edge}--\r\n".encode())
        kind = {"Content-Type": f"multipart/form-data; boundary={edge}"}
        return self._json("POST", place, b"".join(pieces), kind)

    def ask(
        self,
        method: str,
        place: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        with_key = {"Authorization": f"Bearer {self.key}"} | dict(headers or {})
        answer = ask(method, f"{self.base}/api/v1/{place}", body, with_key)
        assert answer.status < 300, (method, place, answer.status, answer.text)
        return answer

    def _json(self, *request: Any) -> Any:
        return json.loads(self.ask(*request).body)


@dataclass
class Browser:
    """A person's browser: keeps cookies, fills in the hidden token of forms."""

    base: str
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, place: str) -> Answer:
        return self._ask("GET", place)

    def press(self, place: str) -> Answer:
        """Press the button of the page's own form."""
        found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', self.get(place).text)
        assert found, place
        return self._ask("POST", place, urlencode({"csrf_token": found[1]}).encode())

    def _ask(self, method: str, place: str, body: bytes | None = None) -> Answer:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        answer = ask(method, self.base + place, body, headers)
        for line in answer.headers.get_all("Set-Cookie", []):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        assert answer.status < 400, (method, place, answer.status)
        return answer
