"""Small contents, settings and recipients for tests of the plan, and a reader of its messages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from esp.delivery.plan import ListId, PlanRecipient, PlanSettings, compile_plan

TOKEN = "3s1h343jbc55dc66hnr1ptvd030n"
DATE = datetime(2026, 11, 20, 9, 30, 5, tzinfo=UTC)

SETTINGS = PlanSettings(
    base_url="https://mail.example.com",
    tracking_base_url="https://t.example.com",
    bounce_domain="bounce.example.com",
    message_id_domain="example.com",
    from_name="Example News",
    from_address="news@example.com",
    account_id=7,
    broadcast_id=4211,
    list_id=ListId("l12", "Weekly news", "lists.example.com"),
    feedback_id=("b4211", "a7", "marketing", "example"),
)
RECIPIENT = PlanRecipient(
    48213, "ana@example.net", "Ana Souza", {"contact": {"first_name": "Ana", "city": "Porto"}}
)


@dataclass(frozen=True)
class Link:
    index: int


@dataclass(frozen=True)
class Prepared:
    subject: str = "News"
    html: str | None = "<p>Hello</p>"
    text: str = "Hello"
    links: tuple[Link, ...] = (Link(0), Link(1), Link(2))


def filled(
    content: Prepared | None = None,
    settings: PlanSettings = SETTINGS,
    recipient: PlanRecipient = RECIPIENT,
    token: str = TOKEN,
) -> bytes:
    return compile_plan(content or Prepared(), settings).fill(recipient, DATE, token)


def for_data(**data: Any) -> PlanRecipient:
    return replace(RECIPIENT, data=data)


def parsed(message: bytes) -> EmailMessage:
    read = message_from_bytes(message, policy=policy.default)
    assert not read.defects
    return read


def parts(message: bytes) -> tuple[str, str | None]:
    """Decoded text and HTML without the line ends at their end."""
    read = parsed(message)
    text, html = read.get_body(("plain",)), read.get_body(("html",))
    assert text is not None
    return _decoded(text), None if html is None else _decoded(html)


def _decoded(part: Any) -> str:
    assert not part.defects
    raw = part.get_payload(decode=True)
    return raw.decode("utf-8").replace("\r\n", "\n").rstrip("\n")
