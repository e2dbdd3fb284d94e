"""What people decide about their own mail."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text


@pytest.fixture
def save(door, sent):
    """Load the page and send its form with these values."""

    def saved(**values):
        page = door.get(f"/p/{sent.token}")
        form = re.search(r'name="form" value="(\w+)"', page.text)[1]
        return door.post(f"/p/{sent.token}", data={"form": form, "tracking": "yes"} | values)

    return saved


def test_the_page_shows_the_lists_of_this_person(door, sent):
    page = door.get(f"/p/{sent.token}").text
    assert "ana@customers.example" in page
    assert len(re.findall(r'name="list"[^>]* checked', page)) == 2


def test_lists_go_on_and_off(save, sent, states, ask):
    assert "Saved" in save(list=[str(sent.other_list_id)]).text
    assert states() == ("unsubscribed", "subscribed")
    save(list=[str(sent.list_id)])
    assert states() == ("subscribed", "unsubscribed")
    assert ask("SELECT action, list_id, source FROM consents ORDER BY id") == [
        ("unsubscribe", sent.list_id, "preferences"),
        ("resubscribe", sent.list_id, "preferences"),
        ("unsubscribe", sent.other_list_id, "preferences"),
    ]


def test_everything_goes_off_at_once(save, states, ask):
    save(all_off="yes")
    assert states() == ("unsubscribed", "unsubscribed")
    assert ask("SELECT name, count FROM broadcast_counts") == [("unsubscribed", 1)]


def test_only_lists_that_were_offered_can_be_joined(save, runtime, sent, ask):
    with runtime.transaction(sent.account_id) as session:
        session.execute(text("DELETE FROM subscriptions"))
        session.execute(
            text("UPDATE lists SET is_public = false WHERE id = :l"), {"l": sent.other_list_id}
        )
    save(list=[str(sent.list_id), str(sent.other_list_id), "99", "x"])
    assert ask("SELECT list_id, state FROM subscriptions") == [(sent.list_id, "subscribed")]


@pytest.mark.parametrize("form", [{}, {"form": "made up"}, {"form": ""}])
def test_the_link_alone_changes_nothing(door, sent, states, form):
    assert door.post(f"/p/{sent.token}", data={"all_off": "yes", **form}).status_code == 409
    assert states() == ("subscribed", "subscribed")


def test_a_form_is_worth_a_day(door, sent, states, clock):
    page = door.get(f"/p/{sent.token}").text
    form = re.search(r'name="form" value="(\w+)"', page)[1]
    clock.forward(hours=25)
    assert door.post(f"/p/{sent.token}", data={"form": form}).status_code == 409
    assert states() == ("subscribed", "subscribed")


def test_the_language_is_the_persons_choice(save, sent, ask):
    page = save(language="id", list=[str(sent.list_id), str(sent.other_list_id)])
    assert '<html lang="id"' in page.text
    save(language="xx")
    assert ask("SELECT language FROM contacts") == [("id",)]


@pytest.mark.standard("TRK-07")
@pytest.mark.standard("LAW-03")
def test_measuring_ends_and_begins_by_the_persons_word(save, sent, ask):
    lists = [str(sent.list_id), str(sent.other_list_id)]
    save(list=lists, tracking="")
    save(list=lists, tracking="")
    assert ask("SELECT tracking_consent FROM contacts") == [(False,)]
    save(list=lists)
    assert ask("SELECT tracking_consent FROM contacts") == [(True,)]
    proofs = ask("SELECT action, wording FROM consents ORDER BY id")
    assert [proof[0] for proof in proofs] == ["tracking_off", "tracking_on"]
    assert all(proof[1].startswith("Acme Shoes may see") for proof in proofs)


def test_nobody_is_asked_where_nothing_is_measured(door, runtime, sent):
    with runtime.transaction(sent.account_id) as session:
        session.execute(text("UPDATE accounts SET tracking = 'none'"))
    assert 'name="tracking"' not in door.get(f"/p/{sent.token}").text


def test_after_the_contact_was_deleted_there_is_nothing_to_choose(door, runtime, sent):
    with runtime.transaction(sent.account_id) as session:
        session.execute(text("DELETE FROM contacts"))
    page = door.get(f"/p/{sent.token}")
    assert page.status_code == 200
    assert "ana@" not in page.text


def test_a_person_of_no_known_language_keeps_the_one_the_page_speaks(door, sent):
    page = door.get(f"/p/{sent.token}", headers={"Accept-Language": "id"}).text

    assert '<option value="id" lang="id" selected>' in page
    assert "Bahasa</label>" in page
