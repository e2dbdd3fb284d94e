"""(pure) What a plan is compiled from besides the content, and whom it is filled for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from esp.delivery.plan.headers import breaks_header, is_address
from esp.errors import N_, Error, Invalid

Kind = Literal["marketing", "transactional"]

_BASE_URL = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~%-]+)*").fullmatch
_DOMAIN = re.compile(r"(?=.{1,255}\Z)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*").fullmatch
_LABEL = re.compile(r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*").fullmatch
_FEEDBACK = re.compile(r"[A-Za-z0-9_.-]{1,64}").fullmatch
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*").fullmatch


class FillError(Error):
    """This recipient's copy cannot be made: skip the recipient, with this text as the reason."""


class TrackedLink(Protocol):
    """One link of the message, known to merge tags as `click_<index>`."""

    @property
    def index(self) -> int: ...


class Content(Protocol):
    """Liquid templates of the three parts, as the content capability prepares them."""

    @property
    def subject(self) -> str: ...
    @property
    def html(self) -> str | None: ...
    @property
    def text(self) -> str: ...
    @property
    def links(self) -> Sequence[TrackedLink]: ...


@dataclass(frozen=True, slots=True)
class ListId:
    """`name <label.domain>`, stable for the life of the list."""

    label: str
    name: str
    domain: str


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """Addresses as ASCII, base URLs without a final slash, `feedback_id` of up to four fields."""

    base_url: str
    tracking_base_url: str
    bounce_domain: str
    message_id_domain: str
    from_name: str
    from_address: str
    account_id: int
    broadcast_id: int
    reply_to: str | None = None
    list_id: ListId | None = None
    feedback_id: tuple[str, ...] = ()
    language: str | None = None
    kind: Kind = "marketing"
    unsubscribe_mailto: bool = True


@dataclass(slots=True)
class PlanRecipient:
    """`email` in its normal form; `data` is all that merge tags can reach, such as `contact`.

    Nobody changes one; it is not frozen because there is one for each message.
    """

    seq: int
    email: str
    name: str
    data: Mapping[str, object]
    track_opens: bool = True


def check(settings: PlanSettings) -> None:
    """Raise Invalid, with the name of the setting as its place, for what no header may hold."""
    for place in ("base_url", "tracking_base_url"):
        url = getattr(settings, place)
        if not _BASE_URL(url) or len(url) > 300:
            raise Invalid(N_("This is not an address that links can begin with."), place)
    for place in ("bounce_domain", "message_id_domain"):
        if not _DOMAIN(getattr(settings, place)):
            raise Invalid(N_("This is not a domain name."), place)
    if breaks_header(settings.from_name):
        raise Invalid(N_("A name cannot contain line breaks."), "from_name")
    if not is_address(settings.from_address):
        raise Invalid(N_("This is not an address that mail can come from."), "from_address")
    if settings.reply_to is not None and not is_address(settings.reply_to):
        raise Invalid(N_("This is not an address that answers can go to."), "reply_to")
    if len(settings.feedback_id) > 4 or not all(map(_FEEDBACK, settings.feedback_id)):
        raise Invalid(N_("A Feedback-ID has up to four plain words."), "feedback_id")
    if settings.language is not None and not _LANGUAGE(settings.language):
        raise Invalid(N_("This is not the code of a language."), "language")
    if settings.list_id is not None:
        _check_list_id(settings.list_id)


def _check_list_id(list_id: ListId) -> None:
    name = f"{list_id.label}.{list_id.domain}"
    if not _LABEL(list_id.label) or not _DOMAIN(list_id.domain) or len(name) > 255:
        raise Invalid(N_("A List-Id is made of letters, digits, hyphens and dots."), "list_id")
    if breaks_header(list_id.name):
        raise Invalid(N_("A name cannot contain line breaks."), "list_id")
