"""(pure) The name that we greet receivers with."""

from __future__ import annotations

from urllib.parse import urlsplit

from esp.config import Settings


def helo(settings: Settings) -> str:
    """Our name, or the literal of our address where we have none (SMTP-04)."""
    host = urlsplit(settings.public_url).hostname or "localhost"
    if ":" in host:
        return f"[IPv6:{host}]"
    return f"[{host}]" if host.replace(".", "").isdecimal() else host
