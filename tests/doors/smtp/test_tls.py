"""TLS over octets: what came before the damage counts, and what is shown can be looked at."""

from __future__ import annotations

import contextlib
import ssl
from pathlib import Path

import pytest

from esp.delivery.smtp.tls import TlsLayer, opportunistic_context
from tests.doors.smtp.parties import make_certificate, server_context


class Pair:
    """A client's layer and a server's, their octets carried by hand."""

    def __init__(self, folder: Path) -> None:
        self.certificate, key = make_certificate(folder, "mx.example")
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = server_context((self.certificate, key))
        self._server = context.wrap_bio(self._in, self._out, server_side=True)
        self.client = TlsLayer(opportunistic_context(), "mx.example")
        said = self.client.handshake()
        while not self.client.established:
            said = self.client.handshake(self._answer(said))
        self.client.decrypt(self._answer(said))

    def say(self, text: bytes) -> bytes:
        self._server.write(text)
        return self._out.read()

    def _answer(self, said: bytes) -> bytes:
        self._in.write(said)
        with contextlib.suppress(ssl.SSLWantReadError):
            self._server.do_handshake()
        return self._out.read()


def test_the_reply_before_a_broken_record_is_read(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    broken = bytearray(pair.say(b"never heard"))
    broken[-1] ^= 1
    whole = Pair(tmp_path)
    record = whole.say(b"250 taken\r\n")
    assert whole.client.decrypt(record + broken) == b"250 taken\r\n"
    with pytest.raises(ssl.SSLError):
        whole.client.decrypt()


@pytest.mark.standard("TLS-04")
def test_the_certificates_shown(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    shown = ssl.PEM_cert_to_DER_cert(pair.certificate.read_text())
    assert pair.client.chain() == [shown]
