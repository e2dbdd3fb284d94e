"""Asks DNS, and our own web server, for the checks of a sending domain."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from esp.senders.answers import Answer, Ask, Kind, remembering
from esp.senders.mx.questions import Questions

# A question, and all questions of one check: a dead name server must not hold a worker.
QUESTION_SECONDS = 4.0
CHECK_SECONDS = 30.0
PROBE_SECONDS = 5.0
# Of what a stranger's DNS says.
MOST_VALUES = 50
LONGEST_VALUE = 4096
# Answered with a picture by the public door, whatever the token is.
PROBE_PATH = "/o/probe.gif"


@contextmanager
def asking(
    nameservers: Sequence[str], *, question: float = QUESTION_SECONDS, check: float = CHECK_SECONDS
) -> Iterator[Ask]:
    """Ask the servers of ESP_DNS (empty: the system's) for one check; each question once."""
    questions = Questions(nameservers, lifetime=question)
    until = time.monotonic() + check
    with asyncio.Runner() as runner:

        def ask(name: str, kind: Kind) -> Answer:
            if time.monotonic() >= until:
                return Answer(failed=True)
            found = runner.run(questions.ask(name, kind))
            if found.state == "failed":
                return Answer(failed=True)
            records = sorted(found.records) if kind == "MX" else found.records
            return Answer(tuple(_text(record, kind) for record in records[:MOST_VALUES]))

        yield remembering(ask)


def _text(record: object, kind: Kind) -> str:
    if kind == "MX" and isinstance(record, tuple):
        return str(record[1])
    text = record.decode("utf-8", "replace") if isinstance(record, bytes) else str(record)
    # PostgreSQL takes no NUL, and people should see that something odd stands there.
    return "".join(c if c.isprintable() else "\ufffd" for c in text[:LONGEST_VALUE])


def serves(url: str, host: str) -> bool | None:
    """Whether the server at `url`, our own, answers as `host`, with a certificate for it if https.

    None: it can't be reached from here. Never goes where `host` itself leads.
    """
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    try:
        connection = socket.create_connection((parts.hostname or "", port), PROBE_SECONDS)
    except OSError:
        return None
    try:
        if secure:
            context = ssl.create_default_context()
            connection = context.wrap_socket(connection, server_hostname=host)
        with connection:
            connection.sendall(
                f"GET {PROBE_PATH} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
            )
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            return answer.status == 200 and answer.getheader("Content-Type") == "image/gif"
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
