"""Joining by a hosted page, with a confirmation."""

from __future__ import annotations

import email
import re
from email import policy

import pytest
from sqlalchemy import text

from esp.contacts.sign_up import MAILS_A_WEEK
from esp.entrypoints.public.sign_up import LIMIT


@pytest.fixture
def key(ask, sent) -> str:
    return ask("SELECT public_key FROM lists WHERE id = :id", id=sent.list_id)[0][0]


@pytest.fixture
def join(door, key, clock):
    """Load the form, take some seconds, send it."""

    def joined(address: str = "new@customers.example", **more: str):
        page = door.get(f"/subscribe/{key}")
        shown = re.search(r'name="shown" value="(\w+)"', page.text)[1]
        clock.forward(seconds=5)
        data = {"email": address, "first_name": "Budi", "shown": shown, "website": ""} | more
        return door.post(f"/subscribe/{key}", data=data)

    return joined


@pytest.fixture
def letters(ask):
    """The mails that wait to be sent: (address, message)."""

    def found():
        return [
            (to, email.message_from_bytes(bytes(raw), policy=policy.default))
            for to, raw in ask("SELECT email, message FROM notices ORDER BY id")
        ]

    return found


@pytest.fixture
def link(letters):
    """The path of the newest confirmation link."""

    def path() -> str:
        body = letters()[-1][1].get_body(("plain",)).get_content()
        return re.search(r"https?://[^/]+(/confirm/\w+)", body)[1]

    return path


def state(ask, address: str = "new@customers.example"):
    rows = ask(
        "SELECT s.state FROM subscriptions s JOIN contacts c"
        " ON c.account_id = s.account_id AND c.id = s.contact_id"
        " WHERE c.email = :e",
        e=address,
    )
    return rows[0][0] if rows else None


@pytest.mark.standard("LIST-13")
@pytest.mark.standard("LAW-08")
def test_the_confirmation_mail_asks_and_does_nothing_else(join, letters, ask):
    answer = join()
    assert answer.status_code == 200
    assert state(ask) == "pending"
    [(to, letter)] = letters()
    assert to == "new@customers.example"
    assert "Weekly news" in letter["Subject"]
    assert not [name for name in letter if name.lower().startswith("list-")]
    html = letter.get_body(("html",)).get_content()
    assert "/o/" not in html
    assert html.count("href=") == 1
    assert "Acme Shoes" in html


@pytest.mark.standard("LAW-09")
@pytest.mark.standard("TRK-05")
def test_only_the_button_confirms(join, link, door, ask):
    join()
    path = link()
    for method in ("GET", "HEAD"):
        assert door.open(path, method=method).status_code == 200
    assert door.post(path).status_code == 200
    assert state(ask) == "pending"
    done = door.post(path, data={"confirm": "yes"})
    assert "You are subscribed" in done.text
    assert state(ask) == "subscribed"


@pytest.mark.standard("LAW-03")
def test_the_proof_says_who_when_how_and_to_what(join, link, door, ask):
    join()
    door.post(link(), data={"confirm": "yes"})
    proofs = ask("SELECT action, source, ip, wording FROM consents ORDER BY id")
    assert [proof[:3] for proof in proofs] == [
        ("subscribe", "form", "127.0.0.1"),
        ("confirm", "confirmation", "127.0.0.1"),
    ]
    assert all("Weekly news" in proof[3] and "Acme Shoes" in proof[3] for proof in proofs)
    assert ask("SELECT kind FROM events ORDER BY id") == [("subscribed",), ("confirmed",)]


@pytest.mark.standard("LAW-09")
def test_a_confirmation_link_works_once_and_for_a_week(join, link, door, ask, runtime, sent, clock):
    join()
    path = link()
    door.post(path, data={"confirm": "yes"})
    assert "You are subscribed" in door.get(path).text
    with runtime.transaction(sent.account_id) as session:
        session.execute(text("UPDATE subscriptions SET state = 'unsubscribed'"))
    assert door.post(path, data={"confirm": "yes"}).status_code == 404
    assert state(ask) == "unsubscribed"
    clock.forward(days=8)
    join()
    late = link()
    clock.forward(days=7, seconds=1)
    assert door.post(late, data={"confirm": "yes"}).status_code == 404
    assert state(ask) == "pending"


def test_a_link_is_worth_nothing_for_another_address(join, link, door, ask, runtime, sent):
    join()
    with runtime.transaction(sent.account_id) as session:
        session.execute(text("UPDATE contacts SET email = 'x@y.example' WHERE email LIKE 'new@%'"))
    assert door.post(link(), data={"confirm": "yes"}).status_code == 404
    assert state(ask, "x@y.example") == "pending"


def test_the_answer_never_tells_who_is_known(join, letters, ask, runtime, sent):
    with runtime.transaction(sent.account_id) as session:
        session.execute(
            text(
                "INSERT INTO suppressions (account_id, email, reason)"
                " VALUES (:a, 'dead@customers.example', 'bounce')"
            ),
            {"a": sent.account_id},
        )
    said = set()
    for address in ("new@customers.example", "ana@customers.example", "dead@customers.example"):
        answer = join(address)
        assert answer.status_code == 200
        said.add(answer.text.replace(address, "…"))
    assert len(said) == 1
    assert [to for to, _ in letters()] == ["new@customers.example"]
    assert state(ask, "dead@customers.example") is None


@pytest.mark.standard("LAW-08")
def test_there_is_one_reminder_and_no_more(join, letters):
    for _ in range(4):
        join()
    assert len(letters()) == MAILS_A_WEEK


def test_who_left_may_come_back_by_an_act_of_their_own(join, link, door, ask, runtime, sent):
    with runtime.transaction(sent.account_id) as session:
        session.execute(
            text(
                "INSERT INTO suppressions (account_id, email, reason)"
                " VALUES (:a, 'ana@customers.example', 'unsubscribe')"
            ),
            {"a": sent.account_id},
        )
        session.execute(text("UPDATE subscriptions SET state = 'unsubscribed'"))
    join("ANA@customers.example", first_name="Somebody else")
    door.post(link(), data={"confirm": "yes"})
    assert ask("SELECT * FROM suppressions") == []
    assert ask("SELECT first_name FROM contacts WHERE email LIKE 'ana@%'") == [("Ana",)]
    assert ask("SELECT state FROM subscriptions WHERE list_id = :l", l=sent.list_id) == [
        ("subscribed",)
    ]


def test_programs_are_kept_out(door, join, key, letters, clock):
    assert join(website="https://spam.example").status_code == 200
    page = door.get(f"/subscribe/{key}")
    shown = re.search(r'name="shown" value="(\w+)"', page.text)[1]
    data = {"email": "new@customers.example", "shown": shown}
    assert "once more" in door.post(f"/subscribe/{key}", data=data).text
    data["shown"] = "made up"
    assert "once more" in door.post(f"/subscribe/{key}", data=data).text
    assert letters() == []


def test_one_place_can_send_only_so_many_forms(join, runtime):
    codes = [join(f"p{n}@customers.example").status_code for n in range(LIMIT + 1)]
    assert codes == [200] * LIMIT + [429]


def test_a_form_on_another_site_may_post_here(door, key, letters):
    answer = door.post(
        f"/subscribe/{key}",
        data={"email": "new@customers.example"},
        headers={"Origin": "https://acme.example"},
    )
    assert answer.status_code == 200
    assert len(letters()) == 1


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@b", "a b@c.example", "x" * 300 + "@c.example"]
)
def test_what_is_no_address_is_told(join, letters, address):
    answer = join(address)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert letters() == []


def test_a_name_is_no_template(join, letters, runtime, sent, ask):
    with runtime.transaction(sent.account_id) as session:
        session.execute(
            text("UPDATE lists SET name = '{{ email }} <b>{% x %}' WHERE id = :l"),
            {"l": sent.list_id},
        )
    join(first_name="{{ contact }}\r\nBcc: x@y.example")
    [(_, letter)] = letters()
    assert "{{ email }} <b>{% x %}" in letter["Subject"]
    assert "<b>" not in letter.get_body(("html",)).get_content()


@pytest.mark.parametrize("change", ["archived_at = now()", "is_public = false"])
def test_a_list_that_takes_nobody_has_no_page(door, key, runtime, sent, change):
    with runtime.transaction(sent.account_id) as session:
        session.execute(text(f"UPDATE lists SET {change}"))
    assert door.get(f"/subscribe/{key}").status_code == 404
    assert door.post(f"/subscribe/{key}", data={"email": "a@b.example"}).status_code == 404
    assert door.get("/subscribe/nothing").status_code == 404
