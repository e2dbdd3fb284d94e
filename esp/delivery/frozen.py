"""(pure) The message of a broadcast as its dispatch keeps it: JSON out, JSON in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from esp.delivery.plan import Content, ListId, PlanSettings


@dataclass(frozen=True, slots=True)
class FrozenLink:
    """A tracked link of the message."""

    index: int


@dataclass(frozen=True, slots=True)
class FrozenContent:
    """The prepared parts, as the compiler takes them."""

    subject: str
    html: str | None
    text: str
    links: tuple[FrozenLink, ...]


def freeze_content(content: Content) -> dict[str, Any]:
    return {
        "subject": content.subject,
        "html": content.html,
        "text": content.text,
        "links": [link.index for link in content.links],
    }


def thaw_content(frozen: Mapping[str, Any]) -> FrozenContent:
    links = tuple(FrozenLink(index) for index in frozen["links"])
    return FrozenContent(frozen["subject"], frozen["html"], frozen["text"], links)


def freeze_settings(settings: PlanSettings, data: Mapping[str, Any]) -> dict[str, Any]:
    """`data` is what merge tags reach besides the contact, the same for all: account, broadcast."""
    return {"plan": asdict(settings), "data": dict(data)}


def thaw_settings(frozen: Mapping[str, Any]) -> tuple[PlanSettings, dict[str, Any]]:
    plan = dict(frozen["plan"])
    list_id = plan["list_id"]
    plan["list_id"] = None if list_id is None else ListId(**list_id)
    plan["feedback_id"] = tuple(plan["feedback_id"])
    return PlanSettings(**plan), dict(frozen["data"])
