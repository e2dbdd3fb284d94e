"""Templates: kept, changed by one window at a time, put away and taken back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from esp.content import templates
from esp.errors import Conflict, Invalid, NotFound, Refused
from esp.places import templates_folder
from tests.factories import make_account

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def template(session, account_id):
    return templates.create(
        session, account_id, {"name": "News", "kind": "mjml", "body": "<mjml></mjml>"}
    )


def names(session, account_id, **options):
    return [t.name for t in templates.all_templates(session, account_id, **options)]


def test_a_save_raises_the_version(session, account_id, template):
    saved = templates.save(session, account_id, template.id, {"subject": "Hello"}, version=1)
    assert (saved.subject, saved.body, saved.version) == ("Hello", "<mjml></mjml>", 2)


def test_a_save_from_an_older_window_conflicts_and_changes_nothing(session, account_id, template):
    templates.save(session, account_id, template.id, {"subject": "First"}, version=1)
    with pytest.raises(Conflict):
        templates.save(session, account_id, template.id, {"subject": "Second"}, version=1)
    assert templates.get(session, account_id, template.id).subject == "First"


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"kind": "pdf"}, "kind"),
        ({"body": "a\0b"}, "body"),
        ({"account_id": 7}, "account_id"),
    ],
)
def test_what_no_template_can_be_is_refused_at_its_place(
    session, account_id, template, values, place
):
    with pytest.raises(Invalid) as refused:
        templates.save(session, account_id, template.id, values)
    assert refused.value.place == place


def test_an_archived_template_is_kept_apart_and_can_not_be_changed(session, account_id, template):
    templates.archive(session, account_id, template.id, NOW)
    assert names(session, account_id) == []
    assert names(session, account_id, archived=True) == ["News"]
    with pytest.raises(Refused):
        templates.save(session, account_id, template.id, {"subject": "Hello"})
    templates.restore(session, account_id, template.id)
    assert names(session, account_id) == ["News"]


def test_a_duplicate_has_the_same_message_and_its_own_life(session, account_id, template):
    copy = templates.duplicate(session, account_id, template.id, "News, again")
    templates.save(session, account_id, copy.id, {"body": "<mjml>2</mjml>"})
    assert (copy.kind, copy.name) == ("mjml", "News, again")
    assert templates.get(session, account_id, template.id).body == "<mjml></mjml>"


@pytest.mark.parametrize("language", ["en", "id"])
def test_a_ready_made_one_becomes_the_accounts_own(session, account_id, language):
    made = templates.from_ready_made(
        session, account_id, templates_folder() / "ready_made", language, "welcome", "Welcome"
    )
    assert made.kind == "mjml"
    assert "<mjml" in made.body
    assert made.subject
    assert f'lang="{language}"' in made.body


def test_another_account_has_no_such_template(session, account_id, template):
    stranger = make_account(session)
    for act in (
        lambda: templates.get(session, stranger, template.id),
        lambda: templates.save(session, stranger, template.id, {"subject": "x"}),
        lambda: templates.duplicate(session, stranger, template.id, "x"),
        lambda: templates.archive(session, stranger, template.id, NOW),
        lambda: templates.restore(session, stranger, template.id),
    ):
        with pytest.raises(NotFound):
            act()
