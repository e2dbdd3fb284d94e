"""(pure) What kind of program asked for a picture or a link: all that is kept of its User-Agent."""

from __future__ import annotations

import re
from functools import lru_cache

_PROXIES = (
    ("GoogleImageProxy", "google-proxy"),
    ("YahooMailProxy", "yahoo-proxy"),
)
_PROGRAM = re.compile(
    r"bot\b|crawl|spider|scan|preview|monitor|curl/|wget/|python|java/|okhttp|go-http|headless"
    r"|barracuda|mimecast|proofpoint|safelinks|urldefense",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def kind_of(agent: str) -> str:
    """apple-proxy, google-proxy, yahoo-proxy, program, none, or empty for a reader's own client."""
    if not agent:
        return "none"
    # Apple's Mail Privacy Protection says exactly this and nothing more.
    if agent == "Mozilla/5.0":
        return "apple-proxy"
    for mark, kind in _PROXIES:
        if mark in agent:
            return kind
    return "program" if _PROGRAM.search(agent) else ""
