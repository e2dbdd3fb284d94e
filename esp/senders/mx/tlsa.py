"""(pure) Certificates that the DNS itself vouches for (DANE, RFC 7671 and 7672)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

DANE_TA, DANE_EE = 2, 3
_DIGESTS = {1: hashlib.sha256, 2: hashlib.sha512}
_LONGEST_CHAIN = 8


class Tlsa(NamedTuple):
    """One record: what of which certificate must equal `data`."""

    usage: int
    selector: int
    matching: int
    data: bytes


def is_usable(record: Tlsa) -> bool:
    """RFC 7672 §3.1: mail has never agreed on the authorities of usages 0 and 1."""
    digest = _DIGESTS.get(record.matching)
    return (
        record.usage in (DANE_TA, DANE_EE)
        and record.selector in (0, 1)
        and (bool(record.data) if digest is None else len(record.data) == digest().digest_size)
        and record.matching in (0, 1, 2)
    )


def verify(
    records: Iterable[Tlsa], names: Sequence[str], chain: Sequence[bytes], now: datetime
) -> bool:
    """Whether one usable record matches `chain` (DER, the server's own certificate first).

    Usage 3 asks for no name and no date (RFC 7672 §3.1.1); usage 2 for both (§3.1.2).
    """
    usable = [record for record in records if is_usable(record)]
    try:
        certificates = [x509.load_der_x509_certificate(one) for one in chain[:_LONGEST_CHAIN]]
        if not certificates:
            return False
        return any(
            _matches(record, certificates[0])
            if record.usage == DANE_EE
            else _anchored(record, certificates, names, now)
            for record in usable
        )
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Whatever a stranger's certificate holds, it is not the one.
        return False


def _matches(record: Tlsa, certificate: x509.Certificate) -> bool:
    if record.selector == 0:
        data = certificate.public_bytes(Encoding.DER)
    else:
        # The key's own octets, also where we can't use such a key.
        data = certificate.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
    digest = _DIGESTS.get(record.matching)
    return (data if digest is None else digest(data).digest()) == record.data


def _anchored(
    record: Tlsa, certificates: Sequence[x509.Certificate], names: Sequence[str], now: datetime
) -> bool:
    """Whether the first is signed, step by step, by one that the record names."""
    current = certificates[0]
    if not _is_for(current, names):
        return False
    rest = list(certificates[1:])
    while True:
        if not _is_valid_at(current, now):
            return False
        if current is not certificates[0] and not _may_sign(current):
            return False
        if _matches(record, current):
            return True
        issuer = next((one for one in rest if _signed_by(current, one)), None)
        if issuer is None:
            return False
        rest.remove(issuer)
        current = issuer


def _is_valid_at(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _is_for(certificate: x509.Certificate, names: Sequence[str]) -> bool:
    """Whether it bears one of `names`; a `*` stands for one whole label, the first."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return False
    borne = {name.lower().rstrip(".") for name in extension.value.get_values_for_type(x509.DNSName)}
    wanted = {name.lower().rstrip(".") for name in names}
    return bool(borne & (wanted | {"*." + name.partition(".")[2] for name in wanted}))
