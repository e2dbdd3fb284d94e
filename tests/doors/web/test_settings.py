"""The settings: who may open what, and what comes of it."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from esp.accounts import api_keys, memberships, queries
from esp.accounts.models import ApiKey, AuditEntry
from esp.entrypoints.web import create_pages
from esp.runtime import Runtime
from esp.senders.models import Transport
from tests.doors.web.visitor import Visitor, colleague, company, letters

BASE = "/a/acme/settings"
COMPANY = {
    "name": "Acme Ltd",
    "postal_address": "1 Main Street\nJakarta",
    "website": "acme.example",
    "from_name": "Acme",
    "from_address": "news@acme.example",
    "language": "id",
    "time_zone": "Asia/Jakarta",
    "tracking": "all",
}
SERVER = {
    "host": "127.0.0.1",
    "port": "2525",
    "tls": "none",
    "is_default": "y",
    "max_connections": "5",
}


@pytest.fixture
def log(runtime, acme):
    def actions() -> list[str]:
        with runtime.transaction(acme[0]) as session:
            return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))

    return actions


class TestWhoMay:
    @pytest.mark.parametrize(
        "page",
        [
            "company",
            "people",
            "keys",
            "transports",
            "transports/direct",
            "pools",
            "pools/new",
            "log",
        ],
    )
    def test_settings_take_a_manager(self, app, runtime, acme, page):
        for role, status in (("viewer", 403), ("editor", 403), ("manager", 200)):
            visitor = Visitor(app)
            visitor.enter(runtime, colleague(runtime, acme[0], role))
            answer = visitor.get(f"{BASE}/{page}")
            assert answer.status_code == status
            if status == 403:
                assert "Manager" in answer.text

    def test_everybody_has_a_profile(self, app, runtime, acme):
        visitor = Visitor(app)
        visitor.enter(runtime, colleague(runtime, acme[0], "viewer"))
        assert visitor.get(BASE).location == f"{BASE}/profile"
        answer = visitor.post(f"{BASE}/profile", {"name": " Budi ", "language": "id"})
        assert answer.status_code == 303
        page = visitor.get(f"{BASE}/profile").text
        assert '<html lang="id"' in page
        assert 'value="Budi"' in page

    def test_another_account_is_not_there(self, app, runtime, owner):
        company(runtime, "kopi")
        for path in ("/a/kopi/settings/company", "/a/nowhere/settings/company"):
            assert owner.get(path).status_code == 404
            assert owner.post(path, COMPANY).status_code == 404

    def test_another_accounts_things_are_not_there(self, runtime, owner):
        other, stranger = company(runtime, "kopi")
        with runtime.transaction(other) as session:
            key = api_keys.create_key(session, other, "shop")
            transport = Transport(account_id=other, name="x", host="x.example", port=25)
            session.add(transport)
            session.flush()
            transport_id = transport.id
        for path in (
            f"{BASE}/keys/{key.id}/revoke",
            f"{BASE}/people/{stranger}",
            f"{BASE}/people/{stranger}/remove",
            f"{BASE}/people/{stranger}/invite",
            f"{BASE}/transports/{transport_id}",
            f"{BASE}/transports/{transport_id}/default",
            f"{BASE}/transports/{transport_id}/delete",
        ):
            assert owner.post(path, {"role": "viewer", **SERVER}).status_code == 404


class TestCompany:
    def test_changes_are_kept_and_logged(self, runtime, owner, acme, log):
        assert owner.get(BASE).location == f"{BASE}/company"
        assert owner.post(f"{BASE}/company", COMPANY).status_code == 303
        page = owner.get(f"{BASE}/company").text
        assert '<html lang="id"' in page
        assert "https://acme.example" in page
        with runtime.transaction(acme[0]) as session:
            assert queries.account(session, acme[0]).time_zone == "Asia/Jakarta"
        assert log() == ["account.change"]
        assert "account.change" in owner.get(f"{BASE}/log").text

    def test_a_mistake_is_shown_at_its_field(self, owner, log):
        answer = owner.post(f"{BASE}/company", COMPANY | {"from_address": "news", "name": "<b>"})
        assert answer.status_code == 422
        assert 'id="from_address-error"' in answer.text
        assert "&lt;b&gt;" in answer.text
        assert log() == []


class TestPeople:
    def test_an_invitation_lets_somebody_in(self, app, runtime, owner, acme, log):
        form = {"email": "Budi@acme.example", "role": "editor"}
        assert owner.post(f"{BASE}/people", form).status_code == 303
        [(email, subject, text)] = letters(runtime, acme[0])
        assert (email, subject) == ("budi@acme.example", "You are invited to Acme")
        assert "Ani" in text
        assert "invited" in owner.get(f"{BASE}/people").text

        link = re.search(r"http://\S+(/password/\S+)", text)[1]
        budi = Visitor(app)
        answer = budi.post(link, {"name": "Budi", "password": "a sentence of my own"})
        assert answer.status_code == 303
        assert budi.get(f"{BASE}/profile").status_code == 200
        assert budi.get(f"{BASE}/people").status_code == 403
        assert log() == ["person.invite"]

    def test_what_people_call_themselves_is_text_in_a_letter(self, runtime, owner, acme):
        owner.post(f"{BASE}/profile", {"name": "<b>{{ 1 | plus: 1 }}{% raw %}"})
        owner.post(f"{BASE}/people", {"email": "budi@acme.example", "role": "viewer"})
        [(_email, _subject, page)] = letters(runtime, acme[0], "html")
        assert "&lt;b&gt;{{ 1 | plus: 1 }}{% raw %} invites you" in page
        assert re.search(r'href="http://[^"]+/password/[^"]{40,}"', page)

    def test_somebody_of_another_account_keeps_their_password(self, runtime, owner, acme):
        _other, user_id = company(runtime, "kopi", email="cici@kopi.example", password_hash="x")
        owner.post(f"{BASE}/people", {"email": "cici@kopi.example", "role": "viewer"})
        [(_email, _subject, text)] = letters(runtime, acme[0])
        assert "/password/" not in text
        with runtime.transaction(acme[0]) as session:
            assert memberships.role_of(session, acme[0], user_id) == "viewer"

    @pytest.mark.parametrize(
        ("form", "sentence"),
        [
            ({"email": "nobody", "role": "viewer"}, "no @"),
            ({"email": "ani@acme.example", "role": "viewer"}, "already"),
            ({"email": "x@acme.example", "role": "god"}, "one of the roles"),
        ],
    )
    def test_an_invitation_that_can_not_be(self, runtime, owner, acme, form, sentence):
        answer = owner.post(f"{BASE}/people", form)
        assert answer.status_code == 422
        assert sentence in answer.text
        assert letters(runtime, acme[0]) == []

    def test_a_manager_can_not_make_owners(self, app, runtime, acme):
        visitor = Visitor(app)
        visitor.enter(runtime, colleague(runtime, acme[0], "manager"))
        form = {"email": "x@acme.example", "role": "owner"}
        assert visitor.post(f"{BASE}/people", form).status_code == 422
        assert 'value="owner"' not in visitor.get(f"{BASE}/people").text
        assert visitor.post(f"{BASE}/people/{acme[1]}/remove").status_code == 409

    def test_roles_change_and_the_last_owner_stays(self, runtime, owner, acme, log):
        user_id = colleague(runtime, acme[0], "viewer")
        assert owner.get(f"{BASE}/people/{user_id}").status_code == 200
        assert owner.post(f"{BASE}/people/{user_id}", {"role": "manager"}).status_code == 303
        answer = owner.post(f"{BASE}/people/{acme[1]}", {"role": "viewer"})
        assert answer.status_code == 422
        assert "needs an owner" in answer.text
        assert owner.post(f"{BASE}/profile/leave").status_code == 409
        assert log() == ["person.role"]


class TestKeys:
    def test_a_key_is_shown_once_and_only_its_hash_is_kept(self, runtime, owner, acme, log):
        assert "No keys yet" in owner.get(f"{BASE}/keys").text
        page = owner.post(f"{BASE}/keys", {"name": "shop"}).text
        key = re.search(r"esp_[a-z0-9]{8}_[a-z0-9]{40}", page)[0]
        assert key not in owner.get(f"{BASE}/keys").text
        with runtime.transaction(None) as session:
            use = api_keys.open_with_key(session, key, runtime.clock())
            row = session.execute(select(ApiKey.__table__)).one()
        assert use is not None and use.account_id == acme[0]
        assert key.rpartition("_")[2] not in str(row)

        assert owner.post(f"{BASE}/keys/{use.key_id}/revoke").status_code == 303
        with runtime.transaction(None) as session:
            assert api_keys.open_with_key(session, key, runtime.clock()) is None
        assert log() == ["key.create", "key.revoke"]

    def test_a_key_has_a_name(self, owner):
        assert owner.post(f"{BASE}/keys", {"name": " "}).status_code == 422


class TestTransports:
    def test_a_real_server_is_refused_without_https(self, owner):
        answer = owner.post(f"{BASE}/transports/new", SERVER | {"host": "smtp.acme.example"})
        assert answer.status_code == 422
        assert "ESP_BASE_URL" in answer.text
        assert 'id="host-error"' in answer.text

    def test_over_https_it_is_taken_and_its_password_never_shown(self, runtime, settings, acme):
        safe = Runtime.from_settings(
            settings.model_copy(update={"base_url": "https://mail.acme.example"}), runtime.clock
        )
        app = create_pages(safe)
        app.testing = True
        owner = Visitor(app, secure=True)
        owner.enter(safe, acme[1])
        form = SERVER | {
            "host": "smtp.acme.example",
            "port": "587",
            "tls": "required",
            "username": "acme",
            "password": "open sesame",
        }
        assert owner.post(f"{BASE}/transports/new", form).status_code == 303
        with runtime.transaction(acme[0]) as session:
            [kept] = session.scalars(select(Transport)).all()
        assert safe.cipher.decrypt(kept.password) == "open sesame"
        page = owner.get(f"{BASE}/transports/{kept.id}").text
        assert "open sesame" not in page
        assert kept.password not in page

        without = {name: value for name, value in form.items() if name != "password"}
        assert (
            owner.post(f"{BASE}/transports/{kept.id}", without | {"port": "2587"}).status_code
            == 303
        )
        with runtime.transaction(acme[0]) as session:
            [changed] = session.scalars(select(Transport)).all()
        safe.close()
        assert (changed.port, changed.password) == (2587, kept.password)

    def test_add_choose_delete(self, runtime, owner, acme, log):
        assert "No server of your own yet" in owner.get(f"{BASE}/transports").text
        for name in ("One", "Two"):
            assert owner.post(f"{BASE}/transports/new", SERVER | {"name": name}).status_code == 303
        with runtime.transaction(acme[0]) as session:
            ids = {t.name: t.id for t in session.scalars(select(Transport))}
        assert owner.post(f"{BASE}/transports/{ids['One']}/default").status_code == 303
        assert owner.post(f"{BASE}/transports/{ids['Two']}/delete").status_code == 303
        page = owner.get(f"{BASE}/transports").text
        assert "for all mail" in page
        assert "Two" not in page.split("<main")[1].split("</main>")[0]
        assert log() == ["transport.add"] * 2 + ["transport.default", "transport.delete"]

    @pytest.mark.parametrize("port", ["", "x", "-1", "70000", "²", "99999999"])
    def test_a_port_is_a_number(self, owner, port):
        answer = owner.post(f"{BASE}/transports/new", SERVER | {"port": port})
        assert answer.status_code == 422
        assert 'id="port-error"' in answer.text


def test_the_log_pages(runtime, owner, acme):
    with runtime.transaction(acme[0]) as session:
        session.add_all(
            AuditEntry(account_id=acme[0], actor="a", action="x.y", subject=f"s{n}-")
            for n in range(60)
        )
    page = owner.get(f"{BASE}/log").text
    older = re.search(r'href="([^"]+after=[^"]+)"', page)[1].replace("&amp;", "&")
    rest = owner.get(older).text
    seen = re.findall(r"s\d+-", page) + re.findall(r"s\d+-", rest)
    assert sorted(seen) == sorted(f"s{n}-" for n in range(60))
    assert owner.get(f"{BASE}/log?after=9999999999999999999.1").status_code == 200
    assert owner.get(f"{BASE}/log?after=99999999999999999.1").status_code == 200
