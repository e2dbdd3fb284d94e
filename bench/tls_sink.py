"""The sink of `bench/sink.py` with STARTTLS, and a certificate of its own for 127.0.0.1."""

from __future__ import annotations

import argparse
import signal
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from bench.conversation import Received
from bench.sink import Peer, Record, Sink


class _Layer:
    """TLS over octets that are carried by others."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._established = False
        self.unsent = b""

    def receive(self, data: bytes) -> bytes:
        """What `data` says in clear; nothing while hands are shaken."""
        self._incoming.write(data)
        try:
            if not self._established:
                self._tls.do_handshake()
                self._established = True
            pieces = []
            while piece := self._tls.read(1 << 18):
                pieces.append(piece)
        except ssl.SSLWantReadError:
            return b"".join(pieces) if self._established else b""
        return b"".join(pieces)

    def send(self, data: bytes) -> bytes:
        """What is to be sent for `data`, behind all that was not sent yet."""
        if data:
            self._tls.write(data)
        return self.unsent + self._outgoing.read()


class TlsSink(Sink):
    """Offers STARTTLS, and takes mail without it too."""

    def __init__(
        self, receive: Callable[[list[Received]], None], context: ssl.SSLContext, port: int = 0
    ) -> None:
        super().__init__(receive, port=port)
        self._common.offers_tls = True
        self._context = context
        self._layers: dict[Peer, _Layer] = {}

    def _hear(self, peer: Peer, data: bytes, answering: list[Peer]) -> None:
        layer = self._layers.get(peer)
        if layer is None:
            super()._hear(peer, data, answering)
            return
        super()._hear(peer, layer.receive(data), answering)
        answering.append(peer)

    def _write(self, peer: Peer) -> None:
        layer = self._layers.get(peer)
        if layer is not None:
            peer.talk.out = layer.send(peer.talk.out)
        super()._write(peer)
        if layer is not None:
            layer.unsent, peer.talk.out = peer.talk.out, b""
        elif peer.talk.wants_tls and not peer.talk.out:
            peer.talk.wants_tls = False
            self._layers[peer] = _Layer(self._context)

    def _drop(self, peer: Peer) -> None:
        self._layers.pop(peer, None)
        super()._drop(peer)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is its own authority, and its key: two files."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", type=Path, required=True)
    parser.add_argument("--certificate", type=Path, required=True)
    parser.add_argument("--key", type=Path, required=True)
    args = parser.parse_args()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(args.certificate, args.key)
    sink = TlsSink(Record(args.record, None), context)
    signal.signal(signal.SIGTERM, lambda *_: sink.stop())
    signal.signal(signal.SIGINT, lambda *_: sink.stop())
    print(sink.port, flush=True)
    sink.run()


if __name__ == "__main__":
    main()
