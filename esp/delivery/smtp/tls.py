"""TLS over octets instead of a socket, so that the loop reads and writes every connection alike."""

from __future__ import annotations

import functools
import os
import ssl
from typing import Any

# How much comes out of the TLS layer at once.
_PIECE = 65536


@functools.cache
def opportunistic_context() -> ssl.SSLContext:
    """Encrypts against listeners without asking who is there: better than clear (TLS-01)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@functools.cache
def verifying_context(ca_file: str | None = None) -> ssl.SSLContext:
    """Asks for a certificate in the server's name, of `ca_file` or the system's authorities."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # RFC 8461 §4.2: a name counts where it belongs, in the SAN.
    context.hostname_checks_common_name = False
    return context


class TlsLayer:
    """One TLS connection; raises `ssl.SSLError` where the other side can't be trusted."""

    def __init__(self, context: ssl.SSLContext, server_name: str) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._ssl = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=server_name.rstrip(".")
        )
        self.established = False
        self.trusted = False  # set by the owner, once it has looked at the certificates

    def handshake(self, data: bytes = b"") -> bytes:
        """Go on with what the server sent; returns what must be written to it."""
        self._incoming.write(data)
        try:
            self._ssl.do_handshake()
            self.established = True
        except ssl.SSLWantReadError:
            pass
        return self._outgoing.read()

    def chain(self) -> list[bytes]:
        """What the server showed of itself, its own certificate (DER) first, unverified."""
        # ssl names this method from Python 3.13 on; the object below has had it since 3.10.
        inner: Any = self._ssl._sslobj  # type: ignore[attr-defined]  # not in the stubs
        return [
            ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in inner.get_unverified_chain()
        ]

    def farewell(self) -> bytes:
        """What is left to write after a failed handshake: the alert that says why."""
        return self._outgoing.read()

    def decrypt(self, data: bytes = b"") -> bytes:
        """The clear octets contained in `data`; a part of a record is kept for the next call."""
        self._incoming.write(data)
        pieces = []
        try:
            while piece := self._ssl.read(_PIECE):
                pieces.append(piece)
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            pass
        except ssl.SSLError:
            # What came before the damage counts: it may be the reply to a final dot. The next
            # call raises this again.
            if not pieces:
                raise
        return b"".join(pieces)

    def encrypt(self, data: bytes | memoryview) -> bytes:
        """`data` as TLS records, and whatever TLS itself wanted to say."""
        view = memoryview(data)
        # One call writes one record of at most 16 kB.
        while len(view):
            view = view[self._ssl.write(view) :]
        return self._outgoing.read()


def reason(error: OSError) -> str:
    """Why a connection failed, for people."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(error.verify_message)
    if isinstance(error, ssl.SSLError):
        return str(error.reason or error)
    return os.strerror(error.errno) if error.errno else str(error)
