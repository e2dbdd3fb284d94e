"""What `esp run` prepares before the web starts, and the page it sends people to."""

from __future__ import annotations

from esp.accounts import links, queries
from esp.runtime import Runtime


def first_page(runtime: Runtime) -> str:
    """Make the demo account if it is wanted; the address where the only person is let in once."""
    with runtime.transaction(None) as session:
        is_first = not queries.has_users(session)
    if runtime.settings.demo and is_first:
        # Only here: what it needs takes a second to import, and later starts need none of it.
        from esp.entrypoints.demo import ensure_demo

        ensure_demo(runtime)
    page = f"{runtime.settings.public_url}/sign-in"
    with runtime.transaction(None) as session:
        user = queries.only_user(session)
        if user is None:
            return page
        return f"{page}/{links.create_link(session, user.id, 'sign_in', runtime.clock())}"
