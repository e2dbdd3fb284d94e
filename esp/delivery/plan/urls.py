"""(pure) The shapes of what carries a recipient's token: links, addresses, the Message-ID.

The doors that answer these addresses take the shapes from here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

PIXEL_ROUTE = "/o/{token}.gif"
CLICK_ROUTE = "/c/{token}/{index}"
UNSUBSCRIBE_ROUTE = "/u/{token}"
PREFERENCES_ROUTE = "/p/{token}"
VIEW_ROUTE = "/v/{token}"

BOUNCE_PREFIX = "b+"
UNSUBSCRIBE_PREFIX = "u+"

Inbound = Literal["bounce", "unsubscribe"]


def pixel_url(tracking_base_url: str, token: str) -> str:
    return tracking_base_url + PIXEL_ROUTE.format(token=token)


def click_url(tracking_base_url: str, token: str, index: int) -> str:
    return tracking_base_url + CLICK_ROUTE.format(token=token, index=index)


def unsubscribe_url(base_url: str, token: str) -> str:
    """The page, and the address of the one-click POST."""
    return base_url + UNSUBSCRIBE_ROUTE.format(token=token)


def preferences_url(base_url: str, token: str) -> str:
    return base_url + PREFERENCES_ROUTE.format(token=token)


def view_url(base_url: str, token: str) -> str:
    return base_url + VIEW_ROUTE.format(token=token)


def return_path(token: str, bounce_domain: str) -> str:
    """The envelope sender, to which bounces come back."""
    return f"{BOUNCE_PREFIX}{token}@{bounce_domain}"


def unsubscribe_address(token: str, bounce_domain: str) -> str:
    return f"{UNSUBSCRIBE_PREFIX}{token}@{bounce_domain}"


def message_id(token: str, domain: str) -> str:
    """With angle brackets; the same for every attempt at one recipient."""
    return f"<{token}@{domain}>"


def read_local_part(local_part: str) -> tuple[Inbound, str] | None:
    """What mail to this local part wants, and its token (not yet verified)."""
    lowered = local_part.lower()
    if lowered.startswith(BOUNCE_PREFIX):
        return "bounce", lowered[len(BOUNCE_PREFIX) :]
    if lowered.startswith(UNSUBSCRIBE_PREFIX):
        return "unsubscribe", lowered[len(UNSUBSCRIBE_PREFIX) :]
    return None


def merge_urls(
    base_url: str, tracking_base_url: str, links: Iterable[int], token: str
) -> dict[str, str]:
    """What the merge tags of our own addresses stand for; `links` are indexes of tracked links."""
    return {
        "pixel_url": pixel_url(tracking_base_url, token),
        "unsubscribe_url": unsubscribe_url(base_url, token),
        "preferences_url": preferences_url(base_url, token),
        "view_url": view_url(base_url, token),
    } | {f"click_{index}": click_url(tracking_base_url, token, index) for index in links}
