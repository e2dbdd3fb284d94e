"""The demo account of a first run."""

from __future__ import annotations

from esp.accounts import queries
from esp.broadcasts import queries as broadcasts
from esp.broadcasts.message import examine
from esp.contacts import lists, people
from esp.entrypoints.demo import ensure_demo


def test_it_is_made_once_and_its_draft_can_be_scheduled(runtime):
    ensure_demo(runtime)
    ensure_demo(runtime)
    with runtime.transaction(None) as session:
        account_id = queries.account_of_slug(session, "demo")
    with runtime.transaction(account_id) as session:
        assert people.count(session, account_id) == 99
        assert sorted(c.subscribed for c in lists.counts(session, account_id).values()) == [25, 99]
        (draft,) = broadcasts.page(session, account_id)
        assert examine(session, draft).blockers == ()
