"""The local mailbox: what stayed on the machine, as its reader would get it."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from sqlalchemy import insert

from esp.entrypoints.web.headers import DEFAULT_POLICY, MAIL_POLICY
from esp.mailbox.models import MailboxMessage
from esp.senders.models import Transport
from tests.doors.web.visitor import Visitor, company
from tests.factories import make_broadcast

BASE = "/a/acme/mailbox"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def arrive(runtime, acme):
    def add(to="budi@x.example", subject="Hello", broadcast_id=None, unsubscribe=None, pixel=""):
        message = EmailMessage()
        message["Subject"], message["From"], message["To"] = subject, "Acme <n@acme.example>", to
        if unsubscribe:
            message["List-Unsubscribe"] = f"<{unsubscribe}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message.set_content("Hi & welcome")
        message.add_alternative(f"<p>Hi <script>alert(1)</script></p>{pixel}", subtype="html")
        raw = message.as_bytes()
        with runtime.transaction(acme[0]) as session:
            session.execute(
                insert(MailboxMessage).values(
                    account_id=acme[0],
                    mail_from="b+1@bounces.localhost",
                    rcpt_to=to,
                    sender="Acme <n@acme.example>",
                    subject=subject,
                    broadcast_id=broadcast_id,
                    size=len(raw),
                    raw=raw,
                )
            )

    return add


def test_empty_it_says_what_to_do_and_that_nothing_leaves(owner):
    text = owner.get(BASE).text
    assert "No mail yet" in text
    assert "Nothing leaves this machine yet" in text
    assert "/a/acme/settings/transports" in text


def test_with_a_transport_it_says_that_mail_leaves(owner, runtime, acme):
    with runtime.transaction(acme[0]) as session:
        session.execute(
            insert(Transport).values(
                account_id=acme[0], name="x", host="smtp.example", port=25, is_default=True
            )
        )
    assert "mail leaves this machine" in owner.get(BASE).text


def test_it_is_searched_and_filtered(owner, arrive, runtime, acme):
    with runtime.transaction(acme[0]) as session:
        broadcast_id = make_broadcast(session, acme[0], state="sent", name="November")
    arrive("budi@x.example", "News 100%", broadcast_id)
    arrive("citra@x.example", "A test")
    both = owner.get(BASE).text
    assert "budi@x.example" in both
    assert "citra@x.example" in both
    for query in ("q=BUDI", "q=100%25", f"broadcast={broadcast_id}"):
        found = owner.get(f"{BASE}?{query}", headers=HTMX).text
        assert "budi@x.example" in found
        assert "citra@x.example" not in found
        assert "<html" not in found
    assert "Nothing found" in owner.get(f"{BASE}?q=nobody").text


def test_pages_go_by_cursor(owner, arrive):
    for number in range(52):
        arrive(f"p{number:02}@x.example")
    assert "p51@x.example" in owner.get(BASE).text
    assert "p01@x.example" not in owner.get(BASE).text
    assert "p01@x.example" in owner.get(f"{BASE}?before=3").text


def test_a_message_has_four_views(owner, arrive):
    arrive()
    html = owner.get(f"{BASE}/1").text
    assert 'src="/a/acme/mail/mailbox/1"' in html
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in html
    assert "alert(1)" not in html
    assert "Hi &amp; welcome" in owner.get(f"{BASE}/1?view=text").text
    assert "multipart/alternative" in owner.get(f"{BASE}/1?view=headers").text
    assert "&lt;script&gt;" in owner.get(f"{BASE}/1?view=source").text


def test_its_html_comes_from_the_one_route_with_the_mail_policy(owner, arrive):
    arrive()
    answer = owner.get("/a/acme/mail/mailbox/1")
    assert answer.headers["Content-Security-Policy"] == MAIL_POLICY
    assert "sandbox" in MAIL_POLICY
    assert "script-src" not in MAIL_POLICY
    page = owner.get(f"{BASE}/1")
    assert page.headers["Content-Security-Policy"] == DEFAULT_POLICY


def test_a_look_counts_as_an_open_unless_one_wants_it_not_to(owner, arrive):
    arrive(pixel='<img src="https://t.acme.example/o/abc123.gif" width="1" height="1" alt="">')
    for query, said in (("", "an open by budi@x.example"), ("uncounted=1", "not counted")):
        page = owner.get(f"{BASE}/1?view=html&{query}").text
        assert said in page
        frame = f"/a/acme/mail/mailbox/1{query and '?'}{query}"
        assert f'src="{frame}"' in page
        assert ("/o/abc123.gif" in owner.get(frame).text) is (not query)


def test_without_a_pixel_nothing_is_said_of_opens(owner, arrive):
    arrive()
    assert "counted" not in owner.get(f"{BASE}/1").text


def test_the_raw_message_is_downloaded_as_it_was_sent(owner, arrive):
    arrive()
    answer = owner.get(f"{BASE}/1/raw")
    assert answer.content_type == "message/rfc822"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="message-1.eml"'
    assert answer.data.startswith(b"Subject: Hello")


def test_one_click_can_be_tried_when_the_address_is_ours(owner, arrive, runtime):
    arrive(unsubscribe=f"{runtime.settings.public_url}/u/abc")
    arrive(unsubscribe="https://elsewhere.example/u/abc")
    assert 'action="/u/abc"' in owner.get(f"{BASE}/1").text
    assert "One-click unsubscribe" not in owner.get(f"{BASE}/2").text


def test_another_account_has_no_such_message(app, runtime, owner, arrive):
    arrive()
    _account, user_id = company(runtime, slug="other")
    stranger = Visitor(app)
    stranger.enter(runtime, user_id)
    for path in ("mailbox/1", "mailbox/1/raw", "mail/mailbox/1"):
        assert stranger.get(f"/a/other/{path}").status_code == 404
    assert "budi@x.example" not in stranger.get("/a/other/mailbox").text
