"""Fetches a domain's MTA-STS policy over HTTPS: one certificate, one answer, no redirect."""

from __future__ import annotations

import asyncio
import http.client
import io
import ssl
from collections.abc import Sequence
from typing import cast

from esp.senders.mx.sts import LONGEST_POLICY, Policy, parse

SECONDS = 10.0
_LONGEST_HEAD = 16_384
_WELL_KNOWN = "/.well-known/mta-sts.txt"


class Fetcher:
    """`context` verifies against the system's authorities; another port is for trials."""

    def __init__(self, context: ssl.SSLContext | None = None, port: int = 443) -> None:
        self.port = port
        self._context = context

    async def fetch(self, host: str, addresses: Sequence[str]) -> Policy | None:
        """The policy under `host`; None where there is no valid one (TLS-02)."""
        try:
            async with asyncio.timeout(SECONDS):
                return parse(_body(await self._ask(host, addresses)))
        except (OSError, TimeoutError, ValueError, http.client.HTTPException):
            return None

    async def _ask(self, host: str, addresses: Sequence[str]) -> bytes:
        if self._context is None:
            self._context = ssl.create_default_context()
            self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        reader, writer = await asyncio.open_connection(
            addresses[0], self.port, ssl=self._context, server_hostname=host
        )
        try:
            writer.write(
                f"GET {_WELL_KNOWN} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: mta-sts\r\n"
                "Accept: text/plain\r\nConnection: close\r\n\r\n".encode()
            )
            most = LONGEST_POLICY + _LONGEST_HEAD
            said = b""
            while len(said) <= most and (piece := await reader.read(most)):
                said += piece
            return said
        finally:
            writer.transport.abort()


class _Said:
    """What http.client takes for a socket: octets that have arrived."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._octets)


def _body(said: bytes) -> bytes:
    if len(said) > LONGEST_POLICY + _LONGEST_HEAD:
        raise ValueError("too long")
    response = http.client.HTTPResponse(cast("ssl.SSLSocket", _Said(said)), method="GET")
    response.begin()
    # RFC 8461 §3.3: redirects are not followed.
    if response.status != 200:
        raise ValueError(f"answered {response.status}")
    kind = response.headers.get_content_type()
    if kind != "text/plain":
        raise ValueError(f"is {kind}")
    body = response.read()
    if len(body) > LONGEST_POLICY:
        raise ValueError("too long")
    return body
