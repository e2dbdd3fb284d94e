"""Whether the addresses that the settings name are free, and which are."""

from __future__ import annotations

import socket

from esp.config import Settings, variable
from esp.errors import SettingError

FIELDS = ("bind", "inbound_bind", "mailbox_bind")


def split(bind: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`."""
    host, _, port = bind.rpartition(":")
    return host.strip("[]"), int(port)


def check(settings: Settings) -> None:
    """SettingError with one sentence that names every setting whose address can't be had."""
    taken = {
        variable(field): str(getattr(settings, field))
        for field in FIELDS
        if getattr(settings, field) and not _free(getattr(settings, field))
    }
    if not taken:
        return
    named = " and ".join(f"{name} ({bind})" for name, bind in taken.items())
    example = " ".join(f"{name}={_next_free(bind)}" for name, bind in taken.items())
    are = "is" if len(taken) == 1 else "are"
    raise SettingError(
        f"{named} {are} taken by another program or not of this machine; try {example}."
    )


def any_free() -> str:
    """A free address of this machine only."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listener.getsockname()[1]}"


def reachable(bind: str) -> tuple[str, int]:
    """Where this machine finds what listens at `bind`."""
    host, port = split(bind)
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port  # noqa: S104 - read, not bound


def _free(bind: str) -> bool:
    host, port = split(bind)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        # Connections of an earlier run may still be ending; a listener is what counts.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            return False
    return True


def _next_free(bind: str) -> str:
    host, port = split(bind)
    shown = f"[{host}]" if ":" in host else host
    candidates = (f"{shown}:{number}" for number in range(port + 1, min(port + 100, 65536)))
    return next((candidate for candidate in candidates if _free(candidate)), any_free())
