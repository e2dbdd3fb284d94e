"""Makes people, checks and changes their passwords."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from esp import addresses
from esp.accounts import links
from esp.accounts.models import User
from esp.errors import N_, Conflict, Invalid, NotFound
from esp.translations import LANGUAGES

SHORTEST_PASSWORD = 10
# Long sentences are welcome; what is longer only costs time.
LONGEST_PASSWORD = 256
NAME_LENGTH = 120

_hasher = PasswordHasher()


def create_user(session: Session, email: str, name: str = "", language: str | None = None) -> int:
    """Make a person without a password; Invalid at `email`, Conflict if somebody has it."""
    address = normal_email(email)
    if find_user(session, address) is not None:
        raise Conflict(N_("Somebody with this address is here already."))
    new_id = session.scalar(
        insert(User).values(email=address, name=name.strip(), language=language).returning(User.id)
    )
    assert new_id is not None  # noqa: S101 -- INSERT … RETURNING gives a row or raises
    return int(new_id)


def find_user(session: Session, email: str) -> User | None:
    """The person who signs in with `email`, in any way of writing it."""
    address = addresses.check(email).normalized
    return session.scalar(select(User).where(User.email == address)) if address else None


def normal_email(email: str) -> str:
    """The one form of an address; Invalid at `email`."""
    found = addresses.check(email)
    if found.normalized is None:
        raise Invalid(addresses.REASONS[found.reason or "empty"], "email")
    return found.normalized


def authenticate(session: Session, email: str, password: str, now: datetime) -> User | None:
    """The person, if both are right; an unknown address takes as long as a wrong password."""
    person = find_user(session, email)
    known = person.password_hash if person else None
    if not _verify(known or _nobodys_hash(), password) or person is None or known is None:
        return None
    if _hasher.check_needs_rehash(known):
        person.password_hash = _hasher.hash(_composed(password))
    person.last_sign_in_at = now
    session.flush()
    return person


def has_password(session: Session, user_id: int, password: str) -> bool:
    """Whether this is the person's password."""
    known = session.scalar(select(User.password_hash).where(User.id == user_id))
    return _verify(known or _nobodys_hash(), password) and known is not None


def set_password(session: Session, user_id: int, password: str) -> None:
    """Ends every session and every unused link of the person; Invalid at `password`."""
    email = session.scalars(select(User.email).where(User.id == user_id)).one()
    check_password(password, email)
    session.execute(
        update(User)
        .where(User.id == user_id)
        .values(
            password_hash=_hasher.hash(_composed(password)),
            session_number=User.session_number + 1,
        )
    )
    links.withdraw(session, user_id)


def check_password(password: str, email: str) -> None:
    """Invalid at `password` if it is too short, too long or easily guessed."""
    text = _composed(password)
    if len(text) < SHORTEST_PASSWORD:
        raise Invalid(
            N_("Use at least %(shortest)s characters. A short sentence works well."),
            "password",
            shortest=SHORTEST_PASSWORD,
        )
    if len(text) > LONGEST_PASSWORD:
        raise Invalid(
            N_("This is too long: at most %(longest)s characters."),
            "password",
            longest=LONGEST_PASSWORD,
        )
    if _easily_guessed(text.lower(), email):
        raise Invalid(N_("This is too easy to guess. A short sentence works well."), "password")


def _easily_guessed(password: str, email: str) -> bool:
    local, _at, domain = email.partition("@")
    return (
        password.isdigit()
        or len(set(password)) < 4
        or password in COMMON
        or password.rstrip("0123456789!.") in (email, local, domain)
    )


# Those of ten characters or more that every list of leaked passwords begins with.
COMMON = frozenset(
    (
        "1234567890",
        "0123456789",
        "1q2w3e4r5t",
        "1qaz2wsx3edc",
        "qwertyuiop",
        "asdfghjkl;",
        "qwerty1234",
        "qwerty12345",
        "password12",
        "password123",
        "password1234",
        "passw0rd123",
        "administrator",
        "letmein123",
        "iloveyou123",
        "welcome123",
        "changeme123",
        "abcdefghij",
        "abcd123456",
    )
)


def update_profile(session: Session, user_id: int, name: str, language: str | None) -> None:
    """Change how a person is called and spoken to; language None: as the account."""
    name = " ".join(name.split())
    if len(name) > NAME_LENGTH:
        raise Invalid(
            N_("This is too long: at most %(longest)s characters."), "name", longest=NAME_LENGTH
        )
    if language is not None and language not in LANGUAGES:
        raise Invalid(N_("Choose one of the languages."), "language")
    session.execute(update(User).where(User.id == user_id).values(name=name, language=language))


def set_operator(session: Session, email: str, is_operator: bool) -> None:
    """Say whether a person runs the installation; NotFound if nobody signs in so."""
    person = find_user(session, email)
    if person is None:
        raise NotFound(N_("Nobody signs in as %(email)s."), email=email)
    person.is_operator = is_operator
    session.flush()


def operators(session: Session) -> list[str]:
    """Addresses of those who run the installation."""
    return list(session.scalars(select(User.email).where(User.is_operator).order_by(User.email)))


def end_sessions(session: Session, user_id: int) -> None:
    """Sign the person out everywhere."""
    session.execute(
        update(User).where(User.id == user_id).values(session_number=User.session_number + 1)
    )


def note_sign_in(session: Session, user_id: int, now: datetime) -> None:
    """Remember that the person came in by a link."""
    session.execute(update(User).where(User.id == user_id).values(last_sign_in_at=now))


@cache
def _nobodys_hash() -> str:
    return _hasher.hash("the password of nobody")


def _verify(known: str, password: str) -> bool:
    # A megabyte of password would only cost us time.
    text = _composed(password[: LONGEST_PASSWORD * 4])
    try:
        return _hasher.verify(known, text)
    except (VerificationError, InvalidHashError):
        return False


def _composed(password: str) -> str:
    # Keyboards differ in how they write é; NIST SP 800-63B §3.1.1.2 asks for one form.
    return unicodedata.normalize("NFKC", password)
