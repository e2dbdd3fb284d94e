"""Drafts are written by one window at a time, and only while they are drafts."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from esp.broadcasts import compose
from esp.contacts.models import List
from esp.content import templates
from esp.errors import Conflict, Invalid, NotFound, Refused
from tests.database.broadcasts.ledger import NOW, set_values
from tests.factories import make_account, make_broadcast, make_list


@pytest.fixture
def draft(session, account_id):
    return make_broadcast(session, account_id, (make_list(session, account_id),))


def test_a_new_draft_has_the_accounts_sender(session, account_id):
    made = compose.create(session, account_id, {"name": "News"})
    assert (made.state, made.from_name, made.from_address) == ("draft", "Acme", "news@acme.example")


def test_it_takes_a_copy_of_its_template(session, account_id):
    template = templates.create(
        session, account_id, {"name": "T", "kind": "mjml", "subject": "Hi", "body": "<mjml>"}
    )
    made = compose.create(session, account_id, {"name": "News"}, template_id=template.id)
    templates.save(session, account_id, template.id, {"body": "changed"})
    assert (made.kind, made.subject, made.body) == ("mjml", "Hi", "<mjml>")


def test_a_template_of_another_account_is_not_there(session, account_id):
    template = templates.create(session, account_id, {"name": "T"})
    other = make_account(session)
    with pytest.raises(NotFound):
        compose.create(session, other, {}, template_id=template.id)


def test_a_save_raises_the_version_and_an_older_one_conflicts(session, account_id, draft):
    assert compose.save(session, account_id, draft, {"subject": "1"}, version=1).version == 2
    with pytest.raises(Conflict):
        compose.save(session, account_id, draft, {"subject": "2"}, version=1)
    assert compose.get(session, account_id, draft).subject == "1"


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"kind": "pdf"}, "kind"),
        ({"subject": "x" * 501}, "subject"),
        ({"rate_per_minute": 0}, "rate_per_minute"),
        ({"state": "sent"}, "state"),
    ],
)
def test_what_no_broadcast_can_be_is_refused_at_its_place(
    session, account_id, draft, values, place
):
    with pytest.raises(Invalid) as refused:
        compose.save(session, account_id, draft, values)
    assert refused.value.place == place


@pytest.mark.parametrize("state", ["scheduled", "sending", "sent", "cancelled"])
def test_only_a_draft_is_changed_or_deleted(session, account_id, draft, state):
    set_values(session, draft, state=state)
    for act in (
        lambda: compose.save(session, account_id, draft, {"subject": "x"}),
        lambda: compose.set_lists(session, account_id, draft, ()),
        lambda: compose.discard(session, account_id, draft),
    ):
        with pytest.raises(Refused):
            act()


def test_a_list_on_both_sides_is_excluded(session, account_id, draft):
    one, two = make_list(session, account_id), make_list(session, account_id)
    compose.set_lists(session, account_id, draft, (one, two), (two,))
    assert compose.lists_of(session, account_id, draft) == ([one], [two])


def test_an_unknown_or_archived_list_is_refused(session, account_id, draft):
    gone = make_list(session, account_id, archived_at=NOW)
    for list_id in (gone, 999_999):
        with pytest.raises(Invalid):
            compose.set_lists(session, account_id, draft, (list_id,))


def test_a_duplicate_leaves_out_lists_that_were_archived_meanwhile(session, account_id):
    kept, gone = make_list(session, account_id), make_list(session, account_id)
    original = make_broadcast(session, account_id, (kept, gone), state="sent", subject="Hi")
    session.execute(update(List).where(List.id == gone).values(archived_at=NOW))
    copy = compose.duplicate(session, account_id, original, "Again")
    assert (copy.state, copy.name, copy.subject, copy.version) == ("draft", "Again", "Hi", 1)
    assert compose.lists_of(session, account_id, copy.id) == ([kept], [])


def test_a_discarded_draft_is_gone(session, account_id, draft):
    compose.discard(session, account_id, draft)
    session.expire_all()
    with pytest.raises(NotFound):
        compose.get(session, account_id, draft)
