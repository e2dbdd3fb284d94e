"""(pure) Filling a compiled plan: one join of bytes per recipient."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from operator import itemgetter

from markupsafe import escape

from esp.content.liquid import Logic, Output, TooMuch, new_context, render
from esp.delivery.plan.headers import is_address, is_international, mailbox, unstructured
from esp.delivery.plan.pieces import Pixel, Url, parse
from esp.delivery.plan.quoted import Slot, encode_value
from esp.delivery.plan.settings import Content, FillError, PlanRecipient
from esp.delivery.plan.slots import Data
from esp.errors import N_
from esp.tokens import MAX_LENGTH

TOKEN: Slot = ("token", 0)
# Stands for the token until all else is joined: nothing that is encoded holds a NUL, and one
# replacement costs less than the hundred pieces that the many links would make of the message.
_MARK = b"\0"
DATE: Slot = ("date", 0)
TO: Slot = ("to", 0)
SUBJECT: Slot = ("subject", 0)


@dataclass(frozen=True, slots=True)
class Program:
    """Nodes of one template that share a context and run in order, our addresses in reach."""

    nodes: tuple[Output | Logic, ...]
    urls: tuple[Url, ...]

    def texts(self, recipient: PlanRecipient, token: str) -> list[str]:
        data = dict(recipient.data)
        for url in self.urls:
            data[url.name] = url.before + token + url.after
        if not recipient.track_opens:
            data["pixel_url"] = ""
        context = new_context(data)
        return [node.render(context) for node in self.nodes]


@dataclass(frozen=True, slots=True)
class Parts:
    """All that a plan is made of: encoded segments, and what makes the values between them.

    The values come in this order: date, To, subject, pixels, data slots, programs' slots. Tokens
    stand in the segments only. `reads` are the dotted paths of the data that are used; an empty one
    says that it may be any.
    """

    segments: tuple[bytes | Slot, ...]
    order: tuple[Slot, ...]
    subject: Callable[[PlanRecipient, str], str]
    pixels: tuple[tuple[bytes, bytes], ...]
    data_slots: tuple[Callable[[Data], bytes], ...]
    programs: tuple[Program, ...]
    text_only: bool
    reads: frozenset[str]


class MessagePlan:
    """One broadcast, ready to be filled; costs tens of microseconds a recipient."""

    def __init__(self, parts: Parts) -> None:
        segments = _with_marks(parts.segments)
        known = tuple(part for part in segments if isinstance(part, bytes))
        place = {slot: len(known) + n for n, slot in enumerate(parts.order)}
        numbers, seen = [], 0
        for part in segments:
            if isinstance(part, bytes):
                numbers.append(seen)
                seen += 1
            else:
                numbers.append(place[part])
        self._known = known
        self._in_order = itemgetter(*numbers)
        self._parts = parts
        self._date = (-1, b"")

    def reads(self, name: str) -> frozenset[str] | None:
        """Which keys of the data's `name` the message uses at most; None: any of them."""
        found = set()
        for path in self._parts.reads:
            first, *rest = path.split(".")
            if not first or (first == name and not rest):
                return None
            if first == name:
                found.add(rest[0])
        return frozenset(found)

    def fill(self, recipient: PlanRecipient, date: datetime, token: str) -> bytes:
        """The message as it goes into DATA, without dot-stuffing (none is needed) or the last dot.

        `date` is aware; `token` is the recipient's. Raises FillError for a recipient who cannot
        have a copy.
        """
        if len(token) > MAX_LENGTH or not (token.isascii() and token.isalnum()):
            raise ValueError("not a token")
        if not (is_address(recipient.email) or is_international(recipient.email)):
            raise FillError(N_("The address cannot be written in a header."))
        parts, data = self._parts, recipient.data
        try:
            values = [
                self._date_line(date),
                mailbox("To", recipient.name, recipient.email),
                unstructured("Subject", parts.subject(recipient, token)),
            ]
            for before, after in parts.pixels:
                values.append(before + _MARK + after if recipient.track_opens else b"")
            values += [slot(data) for slot in parts.data_slots]
            for program in parts.programs:
                values += [encode_value(text) for text in program.texts(recipient, token)]
        except TooMuch as error:
            raise FillError(error.text) from error
        message = b"".join(self._in_order(self._known + tuple(values)))
        message = message.replace(_MARK, token.encode())
        return _ended(message) if parts.text_only else message

    def _date_line(self, date: datetime) -> bytes:
        second = int(date.timestamp())
        if second != self._date[0]:
            if date.tzinfo is None:
                raise ValueError("a date needs a zone")
            self._date = (second, b"Date: " + format_datetime(date).encode())
        return self._date[1]


def _with_marks(segments: tuple[bytes | Slot, ...]) -> list[bytes | Slot]:
    marked: list[bytes | Slot] = []
    for part in segments:
        octets = _MARK if part == TOKEN else part
        last = marked[-1] if marked else None
        if isinstance(octets, bytes) and isinstance(last, bytes):
            marked[-1] = last + octets
        else:
            marked.append(octets)
    return marked


def _ended(message: bytes) -> bytes:
    """A text without parts ends with one line end, whatever its last slots held."""
    head, _, body = message.partition(b"\r\n\r\n")
    # In quoted-printable a line ends with "=" only to be continued.
    body = body.rstrip(b"\r\n=")
    return head + b"\r\n\r\n" + (body + b"\r\n" if body else b"")


def render_browser(content: Content, recipient: PlanRecipient, urls: Mapping[str, str]) -> str:
    """The message as a page, for view-in-browser and previews, without the pixel.

    `urls` says what our own merge tags stand for (see `urls.merge_urls`). Raises FillError.
    """
    data = {**recipient.data, **urls, "pixel_url": ""}
    try:
        if content.html is None:
            text = escape(render(content.text, data, html=False))
            return f'<!doctype html><meta charset="utf-8"><pre>{text}</pre>\n'
        context = new_context(data)
        shown = []
        for piece in parse(content.html, True, urls):
            if isinstance(piece, str):
                shown.append(piece)
            elif isinstance(piece, Url):
                shown.append(str(escape(piece.before + piece.after)))
            elif not isinstance(piece, Pixel):
                shown.append(piece.render(context))
        return "".join(shown)
    except TooMuch as error:
        raise FillError(error.text) from error
