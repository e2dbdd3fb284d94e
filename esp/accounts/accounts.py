"""Makes accounts and changes what they say about themselves."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from sqlalchemy import insert, text, update
from sqlalchemy.orm import Session

from esp import addresses
from esp.accounts.models import Account
from esp.db import enter_account
from esp.errors import N_, Conflict, Invalid, NotFound
from esp.translations import LANGUAGES

TRACKING = ("all", "consented", "none")

_SLUG = re.compile(r"[a-z0-9](?:-?[a-z0-9])*", re.ASCII).fullmatch
_CONTROL = re.compile(r"[\x00-\x1f\x7f]").search
SLUG_LENGTH = 60
NAME_LENGTH = 120
ADDRESS_LENGTH = 500


@dataclass(frozen=True)
class AccountSettings:
    """What an account may change about itself."""

    name: str
    postal_address: str = ""
    website: str = ""
    language: str = "en"
    time_zone: str = "UTC"
    tracking: str = "consented"
    from_name: str = ""
    from_address: str = ""


def create_account(session: Session, slug: str, settings: AccountSettings) -> int:
    """Make an account and enter it; Invalid at the wrong field, Conflict if the slug is taken."""
    if len(slug) > SLUG_LENGTH or not _SLUG(slug):
        raise Invalid(
            N_("Use lower-case letters, digits and single hyphens, for example “acme-shop”."),
            "slug",
        )
    values = asdict(checked(settings))
    if session.scalar(text("SELECT account_of_slug(:slug)"), {"slug": slug}) is not None:
        raise Conflict(N_("The name “%(slug)s” is taken. Choose another."), slug=slug)
    account_id = int(session.execute(text("SELECT nextval('accounts_id_seq')")).scalar_one())
    enter_account(session, account_id)
    session.execute(insert(Account).values(id=account_id, slug=slug, **values))
    return account_id


def update_account(session: Session, account_id: int, settings: AccountSettings) -> None:
    """Put `settings` in place of the former ones; Invalid at the wrong field."""
    values = asdict(checked(settings))
    found = session.execute(update(Account).where(Account.id == account_id).values(**values))
    if found.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE has a row count
        raise NotFound()


def checked(settings: AccountSettings) -> AccountSettings:
    """The same in its normal form; Invalid at the first field that is wrong."""
    if settings.language not in LANGUAGES:
        raise Invalid(N_("Choose one of the languages."), "language")
    if settings.tracking not in TRACKING:
        raise Invalid(N_("Choose what is measured."), "tracking")
    if settings.time_zone not in available_timezones():
        raise Invalid(N_("There is no time zone of this name."), "time_zone")
    return AccountSettings(
        name=_line(settings.name, "name", NAME_LENGTH, required=True),
        postal_address=_lines(settings.postal_address),
        website=_website(settings.website),
        language=settings.language,
        time_zone=settings.time_zone,
        tracking=settings.tracking,
        from_name=_line(settings.from_name, "from_name", NAME_LENGTH),
        from_address=_address(settings.from_address),
    )


def _line(value: str, place: str, longest: int, *, required: bool = False) -> str:
    value = value.strip()
    if required and not value:
        raise Invalid(N_("This can't be empty."), place)
    if len(value) > longest:
        raise Invalid(
            N_("This is too long: at most %(longest)s characters."), place, longest=longest
        )
    # It goes into headers of mails.
    if _CONTROL(value):
        raise Invalid(N_("This contains a line break or another control character."), place)
    return value


def _lines(value: str) -> str:
    lines = [" ".join(line.split()) for line in value.splitlines()]
    kept = "\n".join(line for line in lines if line)
    if len(kept) > ADDRESS_LENGTH:
        raise Invalid(
            N_("This is too long: at most %(longest)s characters."),
            "postal_address",
            longest=ADDRESS_LENGTH,
        )
    return kept


def _website(value: str) -> str:
    value = value.strip()
    if not value:
        return ""
    if "://" not in value:
        value = f"https://{value}"
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and "." in (parts.hostname or "")
    except ValueError:
        good = False
    if not good or len(value) > ADDRESS_LENGTH or re.search(r"[\s\x00-\x1f\"<>]", value):
        raise Invalid(N_("Write a web address, for example https://acme.example."), "website")
    return value


def _address(value: str) -> str:
    if not value.strip():
        return ""
    found = addresses.check(value)
    if found.normalized is None:
        raise Invalid(addresses.REASONS[found.reason or "empty"], "from_address")
    return found.normalized
