"""A domain's DKIM keys: made, seen in DNS, signing, and kept published while they leave."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from esp.errors import N_, Invalid, NotFound, Refused
from esp.secrets import Cipher
from esp.senders.dkim_records import (
    ALGORITHMS,
    RSA_BITS,
    Algorithm,
    PrivateKey,
    SigningKey,
    load,
    public_part,
)
from esp.senders.key_states import OVERLAP, SETTLING
from esp.senders.models import DkimKey, SendingDomain


def create_key(
    session: Session,
    account_id: int,
    domain_id: int,
    algorithm: Algorithm,
    cipher: Cipher,
    now: datetime,
) -> DkimKey:
    """A new key that waits to be seen in DNS; Refused if one of its kind waits already."""
    if algorithm not in ALGORITHMS:
        raise Invalid(N_("There is no such kind of key."), "algorithm")
    # One at a time for a domain, so that selectors stay different.
    _domain(session, account_id, domain_id, locked=True)
    keys = keys_of(session, account_id, domain_id)
    if any(key.algorithm == algorithm and key.state == "waiting" for key in keys):
        raise Refused(N_("A new key waits for its DNS record already."))
    if algorithm != "rsa" and not any(
        key.algorithm == "rsa" and key.state in ("waiting", "active") for key in keys
    ):
        raise Refused(N_("Many receivers know RSA only: make an RSA key first."))
    private = _generated(algorithm)
    der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    key = DkimKey(
        account_id=account_id,
        sending_domain_id=domain_id,
        selector=_selector({key.selector for key in keys}, algorithm, now),
        algorithm=algorithm,
        private_key=cipher.encrypt(base64.b64encode(der).decode()),
        public_key=public_part(private),
        state="waiting",
        created_at=now,
    )
    session.add(key)
    session.flush()
    return key


def keys_of(session: Session, account_id: int, domain_id: int) -> Sequence[DkimKey]:
    """The domain's keys, the newest first; what is private of them stays encrypted."""
    return session.scalars(
        select(DkimKey)
        .where(DkimKey.account_id == account_id, DkimKey.sending_domain_id == domain_id)
        .order_by(DkimKey.id.desc())
        .execution_options(populate_existing=True)
    ).all()


def key_of(session: Session, account_id: int, key_id: int) -> DkimKey:
    """One key; NotFound if the account has no such one."""
    found = session.scalar(
        select(DkimKey)
        .where(DkimKey.account_id == account_id, DkimKey.id == key_id)
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound()
    return found


def is_whole(key: DkimKey, cipher: Cipher) -> bool:
    """Whether the private key can be read and belongs to the public one that is published."""
    try:
        return public_part(_private(key, cipher)) == key.public_key
    except Invalid:
        return False


def mark_seen(session: Session, account_id: int, key_id: int, now: datetime) -> None:
    """DNS has shown the key's record. It signs at once if nothing else can, or else `advance`s."""
    session.execute(
        update(DkimKey)
        .where(
            DkimKey.account_id == account_id,
            DkimKey.id == key_id,
            DkimKey.state == "waiting",
            DkimKey.seen_at.is_(None),
        )
        .values(seen_at=now)
    )
    key = key_of(session, account_id, key_id)
    keys = keys_of(session, account_id, key.sending_domain_id)
    if not any(other.algorithm == key.algorithm and other.state == "active" for other in keys):
        _activate(session, key, now)


def mark_missing(session: Session, account_id: int, key_id: int) -> None:
    """DNS shows the record of a waiting key no more: it has to be seen again."""
    session.execute(
        update(DkimKey)
        .where(DkimKey.account_id == account_id, DkimKey.id == key_id, DkimKey.state == "waiting")
        .values(seen_at=None)
    )


def rotate(
    session: Session, account_id: int, domain_id: int, cipher: Cipher, now: datetime
) -> Sequence[DkimKey]:
    """New keys beside those that sign (an RSA one in any case), unless they wait already.

    The old ones sign on until DNS has shown the new ones' records.
    """
    _domain(session, account_id, domain_id, locked=True)
    keys = keys_of(session, account_id, domain_id)
    waiting = {key.algorithm for key in keys if key.state == "waiting"}
    active = {key.algorithm for key in keys if key.state == "active"}
    return [
        create_key(session, account_id, domain_id, algorithm, cipher, now)
        for algorithm in ALGORITHMS
        if algorithm not in waiting and (algorithm == "rsa" or algorithm in active)
    ]


def advance(session: Session, account_id: int, now: datetime) -> None:
    """Let new keys take over whose records have settled, and retire those that have left."""
    settled = session.scalars(
        select(DkimKey)
        .where(
            DkimKey.account_id == account_id,
            DkimKey.state == "waiting",
            DkimKey.seen_at <= now - SETTLING,
        )
        .order_by(DkimKey.id)
    ).all()
    for key in settled:
        _activate(session, key, now)
    session.execute(
        update(DkimKey)
        .where(
            DkimKey.account_id == account_id,
            DkimKey.state == "leaving",
            DkimKey.retired_at <= now,
        )
        .values(state="retired", private_key="")
    )


def signing_keys(
    session: Session, account_id: int, from_domain: str, cipher: Cipher
) -> tuple[SigningKey, ...]:
    """What signs mail from `from_domain` (A-labels): RSA first; empty: mail goes unsigned.

    The keys are of the domain itself or of the nearest one above it, and so aligned with it.
    """
    labels = from_domain.lower().rstrip(".").split(".")
    above = [".".join(labels[at:]) for at in range(len(labels) - 1)]
    rows = session.execute(
        select(SendingDomain.name, DkimKey)
        .join(
            DkimKey,
            (DkimKey.account_id == SendingDomain.account_id)
            & (DkimKey.sending_domain_id == SendingDomain.id),
        )
        .where(
            SendingDomain.account_id == account_id,
            SendingDomain.name.in_(above),
            DkimKey.state == "active",
        )
    ).all()
    for domain in above:
        found = {key.algorithm: key for name, key in rows if name == domain}
        # RFC 8463 §3: who knows no Ed25519 would take the mail for unsigned.
        if "rsa" in found:
            return tuple(
                _signing(domain, algorithm, found[algorithm], cipher)
                for algorithm in ALGORITHMS
                if algorithm in found
            )
    return ()


def _signing(domain: str, algorithm: Algorithm, key: DkimKey, cipher: Cipher) -> SigningKey:
    der = base64.b64decode(cipher.decrypt(key.private_key))
    return SigningKey(domain, key.selector, algorithm, der)


def _private(key: DkimKey, cipher: Cipher) -> PrivateKey:
    algorithm: Algorithm = "rsa" if key.algorithm == "rsa" else "ed25519"
    return load(algorithm, base64.b64decode(cipher.decrypt(key.private_key)))


def _activate(session: Session, key: DkimKey, now: datetime) -> None:
    """It signs from now on, and who did before it leaves; nothing if it does not wait for that."""
    _domain(session, key.account_id, key.sending_domain_id, locked=True)
    moved = session.scalar(
        update(DkimKey)
        .where(
            DkimKey.account_id == key.account_id,
            DkimKey.id == key.id,
            DkimKey.state == "waiting",
            DkimKey.seen_at.is_not(None),
        )
        .values(state="active", activated_at=now)
        .returning(DkimKey.id)
    )
    if moved is None:
        return
    session.execute(
        update(DkimKey)
        .where(
            DkimKey.account_id == key.account_id,
            DkimKey.sending_domain_id == key.sending_domain_id,
            DkimKey.algorithm == key.algorithm,
            DkimKey.state == "active",
            DkimKey.id != key.id,
        )
        .values(state="leaving", retired_at=now + OVERLAP)
    )


def _domain(
    session: Session, account_id: int, domain_id: int, *, locked: bool = False
) -> SendingDomain:
    wanted = select(SendingDomain).where(
        SendingDomain.account_id == account_id, SendingDomain.id == domain_id
    )
    found = session.scalar(wanted.with_for_update() if locked else wanted)
    if found is None:
        raise NotFound()
    return found


def _generated(algorithm: Algorithm) -> PrivateKey:
    if algorithm == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    return Ed25519PrivateKey.generate()


def _selector(taken: set[str], algorithm: Algorithm, now: datetime) -> str:
    """By the day it was made, such as s20261122 and, for Ed25519, e20261122."""
    first = f"{algorithm[0] if algorithm != 'rsa' else 's'}{now:%Y%m%d}"
    name, number = first, 1
    while name in taken:
        number += 1
        name = f"{first}-{number}"
    return name
