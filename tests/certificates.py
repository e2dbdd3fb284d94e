"""Certificates for servers of tests: an authority, and what it vouches for."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = datetime.now(UTC)


@dataclass(frozen=True)
class Issued:
    """A certificate, its key, and the one who signed it (None: itself)."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    issuer: Issued | None = None

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def spki(self) -> bytes:
        return self.certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def chain(self) -> list[bytes]:
        """From itself to the authority."""
        return [self.der, *(self.issuer.chain if self.issuer else [])]

    def tlsa(self, usage: int = 3) -> str:
        """The record that a zone file would have, of the key's SHA-256."""
        return f"{usage} 1 1 {hashlib.sha256(self.spki).hexdigest()}"

    def pem(self, folder: Path) -> Path:
        """A file with the key and the chain."""
        path = folder / f"{self.certificate.serial_number}.pem"
        key = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        chain = [ssl.DER_cert_to_PEM_cert(one).encode() for one in self.chain]
        path.write_bytes(b"".join([key, *chain]))
        return path

    def server_context(self, folder: Path) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem(folder))
        return context


def authority(name: str = "Authority", issuer: Issued | None = None) -> Issued:
    """One that may sign others."""
    return _issue(name, (), issuer, ca=True, days=(-10, 10))


def issue(
    *names: str,
    by: Issued | None = None,
    days: tuple[int, int] = (-10, 10),
    ca: bool = False,
    subject: str = "somebody",
) -> Issued:
    """A server's certificate for `names`, valid from and to so many days from now."""
    return _issue(subject, names, by, ca=ca, days=days)


def _issue(
    name: str,
    names: tuple[str, ...],
    issuer: Issued | None,
    *,
    ca: bool,
    days: tuple[int, int],
) -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + timedelta(days=days[0]))
        .not_valid_after(NOW + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if names:
        alternative = x509.SubjectAlternativeName([x509.DNSName(one) for one in names])
        builder = builder.add_extension(alternative, critical=False)
    return Issued(builder.sign(signer, hashes.SHA256()), key, issuer)
