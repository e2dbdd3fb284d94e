"""Moves an account's sending domains on: new keys take over, old ones retire."""

from __future__ import annotations

from esp.runtime import Runtime
from esp.senders import dkim_keys


def run(runtime: Runtime, account_id: int) -> None:
    """Nothing happens to what has moved already."""
    with runtime.transaction(account_id) as session:
        dkim_keys.advance(session, account_id, runtime.clock())
