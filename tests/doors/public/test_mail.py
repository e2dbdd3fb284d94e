"""A mail in the browser, and its pictures."""

from __future__ import annotations

import io

import pytest
from sqlalchemy import text

from esp.entrypoints.web.headers import other_policies
from esp.files import store

PICTURE = b"GIF89a" + b"\0" * 30


def test_the_mail_is_shown_as_this_person_got_it(door, sent):
    page = door.get(f"/v/{sent.token}")
    assert page.status_code == 200
    assert "Hello Ana" in page.text
    assert f"/c/{sent.token}/0" in page.text
    assert f"/u/{sent.token}" in page.text
    # Reading in the browser is no opening of the mail.
    assert "/o/" not in page.text


def test_mail_is_shown_without_scripts_and_apart_from_us(door, sent):
    policy = door.get(f"/v/{sent.token}").headers["Content-Security-Policy"]
    assert policy == other_policies()["public_mail.view"]
    assert policy.startswith("default-src 'none'")
    assert "sandbox" in policy
    for word in ("allow-scripts", "allow-same-origin", "script-src"):
        assert word not in policy


def test_values_are_escaped_there_too(door, runtime, sent):
    with runtime.transaction(sent.account_id) as session:
        session.execute(text("UPDATE contacts SET first_name = '<script>x</script>'"))
    assert "<script>" not in door.get(f"/v/{sent.token}").text


def test_unknown_mails_are_not_shown(door, sent):
    assert door.get("/v/unknown").status_code == 404


@pytest.fixture
def picture(runtime, sent):
    with runtime.transaction(sent.account_id) as session:
        return store.keep(
            session,
            sent.account_id,
            "picture",
            "logo.gif",
            "image/gif",
            io.BytesIO(PICTURE),
            limit=1000,
            size=(1, 1),
        )


def test_a_picture_may_be_kept_for_ever(door, picture):
    answer = door.get(f"/media/{picture.public_key}/logo.gif")
    assert answer.data == PICTURE
    assert answer.content_type == "image/gif"
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    again = door.get(
        f"/media/{picture.public_key}/logo.gif", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert (again.status_code, again.data) == (304, b"")


def test_a_contact_file_is_no_picture(door, runtime, sent, picture):
    with runtime.transaction(sent.account_id) as session:
        session.execute(text("UPDATE files SET kind = 'contacts'"))
    assert door.get(f"/media/{picture.public_key}/logo.gif").status_code == 404
    assert door.get("/media/unknown/logo.gif").status_code == 404
