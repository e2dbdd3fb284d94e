"""Signing in: who gets in, how often one may try, links that work once, sessions that end."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from esp.accounts import links
from esp.entrypoints.web import create_pages
from esp.entrypoints.web.sign_in import inside
from esp.runtime import Runtime
from tests.doors.web.visitor import (
    PASSWORD,
    Visitor,
    colleague,
    company,
    give_password,
    letters,
)

ANI = "ani@acme.example"
PROFILE = "/a/acme/settings/profile"


@pytest.fixture
def ani(runtime) -> tuple[int, int]:
    """(account id, user id) of somebody with a password."""
    account_id, user_id = company(runtime, email=ANI)
    give_password(runtime, user_id)
    return account_id, user_id


@pytest.fixture
def visitor(app) -> Visitor:
    return Visitor(app)


def new_link(runtime, user_id, purpose="sign_in") -> str:
    with runtime.transaction(None) as session:
        return links.create_link(session, user_id, purpose, runtime.clock())


class TestPassword:
    def test_the_right_one_opens_the_page_one_wanted(self, visitor, ani):
        answer = visitor.get(PROFILE)
        assert answer.location == f"/sign-in?next={PROFILE}"
        page = visitor.get(answer.location)
        assert f'value="{PROFILE}"' in page.text

        answer = visitor.sign_in(ANI, next=PROFILE)
        assert (answer.status_code, answer.location) == (303, PROFILE)
        assert visitor.get(PROFILE).status_code == 200

    @pytest.mark.parametrize("email", [ANI, "nobody@acme.example", "no address", ""])
    def test_a_wrong_one_gets_the_same_answer_as_an_unknown_address(self, visitor, ani, email):
        answer = visitor.sign_in(email, "a mistaken guess")
        assert answer.status_code == 422
        assert "belong together" in answer.text
        assert "mistaken guess" not in answer.text
        assert visitor.get(PROFILE).status_code == 303

    def test_without_the_forms_token_nothing_happens(self, visitor, ani):
        answer = visitor.client.post("/sign-in", data={"email": ANI, "password": PASSWORD})
        assert answer.status_code == 400
        assert "open for too long" in answer.text
        assert visitor.get(PROFILE).status_code == 303

    @pytest.mark.parametrize(
        ("wanted", "path"),
        [
            ("/a/acme/lists?q=x", "/a/acme/lists?q=x"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example/", "/"),
            ("javascript:alert(1)", "/"),
            ("/\n/evil.example", "/"),
            ("/\t/evil.example", "/"),
            ("", "/"),
            (None, "/"),
        ],
    )
    def test_one_is_sent_to_our_own_pages_only(self, wanted, path):
        assert inside(wanted) == path


class TestHowOften:
    def test_one_address_from_one_place(self, app, visitor, ani):
        answers = [visitor.sign_in(ANI, "wrong").status_code for _ in range(11)]
        assert answers == [422] * 10 + [429]
        refused = visitor.sign_in(ANI)
        assert refused.status_code == 429
        assert "too often" in refused.text
        assert int(refused.headers["Retry-After"]) > 0

        assert Visitor(app, address="198.51.100.7").sign_in(ANI).status_code == 303
        assert visitor.sign_in("budi@acme.example", "wrong").status_code == 422

    def test_who_gets_in_is_not_counted(self, visitor, ani):
        assert {visitor.sign_in(ANI).status_code for _ in range(12)} == {303}

    def test_one_place_that_tries_many_addresses(self, visitor, ani):
        answers = [visitor.post("/password", {"email": f"a{n}@x.example"}) for n in range(61)]
        assert [a.status_code for a in answers[-2:]] == [200, 429]

    def test_a_customer_with_many_ipv6_addresses_is_one_place(self, app, ani):
        answers = [
            Visitor(app, address=f"2001:db8:1:2::{n:x}").sign_in(ANI, "wrong").status_code
            for n in range(11)
        ]
        assert answers[-1] == 429

    def test_without_valkey_it_is_counted_all_the_same(self, runtime, settings, ani, tmp_path):
        away = settings.model_copy(update={"redis_url": f"unix://{tmp_path}/gone.sock?db=0"})
        lonely = Runtime.from_settings(away, runtime.clock)
        app = create_pages(lonely)
        app.testing = True
        visitor = Visitor(app)
        answers = [visitor.sign_in(ANI, "wrong").status_code for _ in range(12)]
        lonely.close()
        assert answers[0] == 422
        assert answers[-1] == 429


class TestSession:
    def test_over_https_the_cookie_stays_with_us(self, runtime, settings, ani):
        safe = Runtime.from_settings(
            settings.model_copy(update={"base_url": "https://mail.acme.example"}), runtime.clock
        )
        app = create_pages(safe)
        app.testing = True
        answer = Visitor(app, secure=True).sign_in(ANI)
        cookie = answer.headers["Set-Cookie"]
        safe.close()
        assert answer.status_code == 303
        assert cookie.startswith("__Host-session=")
        for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
            assert part in cookie
        assert "Domain" not in cookie

    def test_signing_out_takes_a_form(self, visitor, ani):
        visitor.sign_in(ANI)
        assert visitor.get("/sign-out").status_code == 405
        assert visitor.get(PROFILE).status_code == 200
        assert visitor.post("/sign-out").location == "/sign-in"
        assert visitor.get(PROFILE).status_code == 303

    def test_a_new_password_ends_other_sessions_and_keeps_this_one(self, app, visitor, ani):
        other = Visitor(app)
        for browser in (visitor, other):
            browser.sign_in(ANI)
        form = {"p-current": PASSWORD, "p-password": "another long sentence"}
        assert visitor.post(f"{PROFILE}/password", form).status_code == 303
        assert visitor.get(PROFILE).status_code == 200
        assert other.get(PROFILE).status_code == 303
        assert other.sign_in(ANI).status_code == 422
        assert other.sign_in(ANI, "another long sentence").status_code == 303

    def test_a_new_password_needs_the_old_one(self, visitor, ani):
        visitor.sign_in(ANI)
        form = {"p-current": "wrong", "p-password": "another long sentence"}
        answer = visitor.post(f"{PROFILE}/password", form)
        assert answer.status_code == 422
        assert "not your current password" in answer.text
        answer = visitor.post(f"{PROFILE}/password", {"p-current": PASSWORD, "p-password": "short"})
        assert answer.status_code == 422
        assert "at least 10 characters" in answer.text

    def test_signing_out_everywhere_else(self, app, visitor, ani):
        other = Visitor(app)
        for browser in (visitor, other):
            browser.sign_in(ANI)
        visitor.post(f"{PROFILE}/sign-out-elsewhere")
        assert visitor.get(PROFILE).status_code == 200
        assert other.get(PROFILE).status_code == 303

    def test_a_forged_or_spoilt_session_is_nobodys(self, app, ani):
        for session_id in ("1", "1.99", "x.1", "", "999999999999999999999.0", "1.0.0", "²"):
            client = app.test_client()
            with client.session_transaction() as session:
                session["_user_id"] = session_id
            assert client.get(PROFILE).status_code == 303

    def test_who_is_removed_is_out_at_once(self, app, runtime, visitor, ani):
        user_id = colleague(runtime, ani[0], "viewer")
        guest = Visitor(app)
        guest.enter(runtime, user_id)
        assert guest.get(PROFILE).status_code == 200
        visitor.sign_in(ANI)
        visitor.post(f"/a/acme/settings/people/{user_id}/remove")
        assert guest.get(PROFILE).status_code == 404


class TestLinks:
    def test_looking_does_not_use_it_up_and_pressing_does(self, app, runtime, visitor, ani):
        link = f"/sign-in/{new_link(runtime, ani[1])}"
        for _ in range(3):
            page = Visitor(app).get(link)
            assert (page.status_code, ANI in page.text) == (200, True)
        assert visitor.get(PROFILE).status_code == 303
        assert visitor.post(link).location == "/"
        assert visitor.get(PROFILE).status_code == 200
        assert Visitor(app).get(link).status_code == 410
        assert Visitor(app).post(link).status_code == 410

    def test_it_ends_with_its_time_and_serves_its_purpose_only(self, runtime, clock, visitor, ani):
        token = new_link(runtime, ani[1])
        assert visitor.get(f"/password/{token}").status_code == 410
        clock.now += timedelta(hours=1)
        assert visitor.get(f"/sign-in/{token}").status_code == 410
        assert visitor.get("/sign-in/x").status_code == 410

    def test_the_way_back(self, app, runtime, visitor, ani):
        other = Visitor(app)
        other.sign_in(ANI)
        assert visitor.post("/password", {"email": " ANI@acme.example"}).status_code == 200
        [(email, subject, text)] = letters(runtime, ani[0])
        assert (email, subject) == (ANI, "Set a new password")
        link = re.search(r"http://\S+(/password/\S+)", text)[1]

        assert visitor.get(link).status_code == 200
        refused = visitor.post(link, {"password": "short"})
        assert refused.status_code == 422
        assert visitor.post(link, {"password": "another long sentence"}).status_code == 303
        assert visitor.get(PROFILE).status_code == 200
        assert other.get(PROFILE).status_code == 303
        assert visitor.post(link, {"password": "a third long sentence"}).status_code == 410
        assert Visitor(app).sign_in(ANI, "another long sentence").status_code == 303

    def test_who_is_unknown_gets_the_same_page_and_no_mail(self, runtime, visitor, ani):
        known = visitor.post("/password", {"email": ANI}).text
        unknown = visitor.post("/password", {"email": "nob@acme.example"}).text
        strip = re.compile(r'content="[^"]+"|ani@acme|nob@acme').sub
        assert strip("", known) == strip("", unknown)
        assert len(letters(runtime, ani[0])) == 1
        assert visitor.post("/password", {"email": "nobody"}).status_code == 422

    def test_an_address_of_other_letters_gets_its_mail(self, runtime, visitor, ani):
        colleague(runtime, ani[0], "viewer", email="jörg@acme.example")
        assert visitor.post("/password", {"email": "jörg@acme.example"}).status_code == 200
        assert [letter[0] for letter in letters(runtime, ani[0])] == ["jörg@acme.example"]
