"""Leaving by the link in a mail."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text

from esp.delivery import shipping
from esp.runtime import Runtime
from esp.tokens import recipient_token

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
BOTH_ENCODINGS = pytest.mark.parametrize(
    "encoding", ["application/x-www-form-urlencoded", "multipart/form-data"]
)


@BOTH_ENCODINGS
@pytest.mark.standard("LIST-05")
@pytest.mark.standard("LIST-06")
def test_the_one_click_post_unsubscribes_at_once(door, sent, states, ask, encoding):
    answer = door.post(f"/u/{sent.token}", data=ONE_CLICK, content_type=encoding)
    assert answer.status_code == 200
    assert "Location" not in answer.headers
    assert "Set-Cookie" not in answer.headers
    assert states() == ("unsubscribed", "subscribed")
    [(by,)] = ask(
        "SELECT unsubscribed_broadcast_id FROM subscriptions WHERE list_id = :l", l=sent.list_id
    )
    assert by == sent.broadcast_id


def test_a_body_whose_type_was_forgotten_is_read_too(door, sent, states):
    answer = door.post(f"/u/{sent.token}", data=b"List-Unsubscribe=One-Click", content_type="")
    assert answer.status_code == 200
    assert states()[0] == "unsubscribed"


@pytest.mark.standard("LIST-06")
def test_a_repeated_post_counts_once(door, sent, ask):
    for _ in range(3):
        assert door.post(f"/u/{sent.token}", data=ONE_CLICK).status_code == 200
    assert ask("SELECT name, count FROM broadcast_counts") == [("unsubscribed", 1)]
    assert ask("SELECT kind, seq FROM events") == [("unsubscribed", 1)]
    assert ask("SELECT action, source, list_id FROM consents") == [
        ("unsubscribe", "one-click", sent.list_id)
    ]
    assert ask("SELECT unsubscribed_at IS NOT NULL FROM recipients") == [(True,)]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.standard("LIST-07")
@pytest.mark.standard("TRK-05")
def test_fetching_the_link_changes_nothing(door, sent, states, method):
    answer = door.open(f"/u/{sent.token}?List-Unsubscribe=One-Click", method=method)
    assert answer.status_code == 200
    assert states() == ("subscribed", "subscribed")
    if method == "GET":
        assert "Acme Shoes" in answer.text
        assert "Weekly news" in answer.text
        assert "Offers" not in answer.text
        assert f"/p/{sent.token}" in answer.text


@pytest.mark.parametrize(
    "body", [{}, {"List-Unsubscribe": "yes"}, {"one-click": "One-Click"}, {"undo": "yes"}]
)
@pytest.mark.standard("LIST-08")
def test_a_post_without_the_key_changes_nothing(door, sent, states, body):
    assert door.post(f"/u/{sent.token}", data=body).status_code == 200
    assert states() == ("subscribed", "subscribed")


@pytest.mark.standard("LIST-12")
def test_the_button_of_the_page_unsubscribes_and_can_be_undone(door, sent, states, ask):
    done = door.post(f"/u/{sent.token}", data={"unsubscribe": "yes"})
    assert done.status_code == 200
    assert "You are unsubscribed" in done.text
    assert states() == ("unsubscribed", "subscribed")
    form = re.search(r'name="form" value="(\w+)"', done.text)
    back = door.post(f"/u/{sent.token}", data={"undo": "yes", "form": form[1]})
    assert "Welcome back" in back.text
    assert states() == ("subscribed", "subscribed")
    assert ask("SELECT action FROM consents ORDER BY id") == [("unsubscribe",), ("resubscribe",)]
    assert ask("SELECT count FROM broadcast_counts") == [(0,)]


@pytest.mark.standard("LIST-10")
def test_the_link_works_after_the_contact_was_deleted(door, runtime, sent, ask):
    with runtime.transaction(sent.account_id) as session:
        session.execute(text("DELETE FROM contacts"))
    assert door.get(f"/u/{sent.token}").status_code == 200
    assert door.post(f"/u/{sent.token}", data=ONE_CLICK).status_code == 200
    # Or the next import would bring the address back.
    assert ask("SELECT email, reason FROM suppressions") == [
        ("ana@customers.example", "unsubscribe")
    ]


@pytest.mark.standard("LIST-10")
def test_with_its_list_deleted_the_link_means_every_list(door, runtime, sent, states):
    with runtime.transaction(sent.account_id) as session:
        session.execute(text("DELETE FROM lists WHERE id = :id"), {"id": sent.list_id})
    assert door.post(f"/u/{sent.token}", data=ONE_CLICK).status_code == 200
    assert states() == (None, "unsubscribed")


def test_a_list_merged_into_another_is_left_there_too(door, runtime, sent, states):
    with runtime.transaction(sent.account_id) as session:
        session.execute(
            text("UPDATE lists SET merged_into_id = :into, archived_at = now() WHERE id = :id"),
            {"into": sent.other_list_id, "id": sent.list_id},
        )
    assert door.post(f"/u/{sent.token}", data=ONE_CLICK).status_code == 200
    assert states() == ("unsubscribed", "unsubscribed")


@pytest.mark.standard("LIST-10")
def test_the_link_works_after_the_keys_changed(settings, clock, open_door, sent, states):
    newer = settings.model_copy(
        update={
            "secret_key": "another key for tests that is long enough",
            "old_secret_keys": (settings.secret_key,),
        }
    )
    runtime = Runtime.from_settings(newer, clock)
    answer = open_door(runtime).post(f"/u/{sent.token}", data=ONE_CLICK)
    runtime.close()
    assert answer.status_code == 200
    assert states()[0] == "unsubscribed"


@pytest.mark.standard("LIST-05")
def test_a_token_that_we_did_not_sign_is_refused(door, sent, states):
    forged = sent.token[:-1] + ("0" if sent.token[-1] != "0" else "1")
    for token in (forged, "x", "../" + sent.token):
        assert door.post(f"/u/{token}", data=ONE_CLICK).status_code == 404
    assert states()[0] == "subscribed"


def test_a_link_of_a_test_mail_says_so(door, runtime, sent, states):
    token = recipient_token(runtime.keyring, sent.account_id, sent.broadcast_id, 0)
    assert "test mail" in door.get(f"/u/{token}").text
    assert door.post(f"/u/{token}", data=ONE_CLICK).status_code == 200
    assert states()[0] == "subscribed"


@pytest.mark.standard("LIST-11")
def test_with_the_database_away_the_wish_is_journalled_and_stored_later(
    runtime, cut_off, open_door, sent, states
):
    door = open_door(cut_off)
    assert door.get(f"/u/{sent.token}").status_code == 200
    assert door.post(f"/u/{sent.token}", data=ONE_CLICK).status_code == 202
    assert door.post(f"/u/{sent.token}", data={"unsubscribe": "yes"}).status_code == 202
    # Ana has been subscribed since before that moment.
    with runtime.transaction(sent.account_id) as session:
        session.execute(text("UPDATE subscriptions SET changed_at = '2026-01-01'"))
    shipping.ship_hits(runtime.transaction, runtime.journal_folder)
    assert states() == ("unsubscribed", "subscribed")


def test_the_page_keeps_its_address_to_itself(door, sent):
    headers = door.get(f"/u/{sent.token}").headers
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Robots-Tag"] == "noindex"
    assert "unsafe-inline" not in headers["Content-Security-Policy"]


def test_the_page_speaks_the_language_of_the_person(door, runtime, sent):
    with runtime.transaction(sent.account_id) as session:
        session.execute(text("UPDATE contacts SET language = 'id'"))
    assert '<html lang="id"' in door.get(f"/u/{sent.token}").text
    with runtime.transaction(sent.account_id) as session:
        session.execute(text("UPDATE contacts SET language = ''"))
    wish = {"Accept-Language": "id-ID,id;q=0.9"}
    assert '<html lang="id"' in door.get(f"/u/{sent.token}", headers=wish).text
    assert '<html lang="en"' in door.get(f"/u/{sent.token}").text
