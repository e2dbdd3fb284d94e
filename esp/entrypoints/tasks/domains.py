"""Moves an account's sending domains on: asks DNS, lets new keys take over, retires old ones."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress

from esp.errors import NotFound
from esp.runtime import Runtime
from esp.senders import dkim_keys, domain_checks, sending_domains
from esp.senders.dns_checks import Finding, judge
from esp.senders.look_up import asking, serves
from esp.senders.records import Setup

# Other accounts' domains, and their imports, wait meanwhile.
SLICE_SECONDS = 60.0


def run(runtime: Runtime, account_id: int) -> None:
    """Nothing happens to what has moved already, or is not due; the ticker wakes for the rest."""
    with runtime.transaction(account_id) as session:
        dkim_keys.advance(session, account_id, runtime.clock())
    until = time.monotonic() + SLICE_SECONDS
    while time.monotonic() < until:
        with runtime.transaction(account_id) as session:
            domain_id = domain_checks.claim_due(session, account_id, runtime.clock())
        if domain_id is None:
            return
        # Somebody may have removed it meanwhile.
        with suppress(NotFound):
            check(runtime, account_id, domain_id)


def check(runtime: Runtime, account_id: int, domain_id: int) -> tuple[Setup, Mapping[str, Finding]]:
    """Ask about one domain, outside of any transaction; what was found is kept and returned."""
    started = runtime.clock()
    with runtime.transaction(account_id) as session:
        row = sending_domains.domain(session, account_id, domain_id)
        setup = domain_checks.setup_of(session, runtime.settings, row)
    url = runtime.settings.public_tracking_url
    with asking(runtime.settings.dns) as ask:
        found = judge(setup, ask, lambda host: serves(url, host))
    with runtime.transaction(account_id) as session:
        domain_checks.keep_findings(session, account_id, domain_id, found, started)
    return setup, found
