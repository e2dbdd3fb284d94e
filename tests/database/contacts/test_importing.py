"""What an import does to contacts, subscriptions and suppressions, and what it leaves alone."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from esp.contacts import fields, import_claims, importing, imports
from esp.contacts.imports import Wishes
from esp.contacts.models import Consent, Contact, ImportRejection, Subscription
from esp.engagement.models import Event
from esp.errors import Conflict, Invalid, NotFound, Refused
from esp.suppression.models import Suppression
from esp.suppression.suppress import suppress
from tests.database.contacts.imported import carried_out, prepared
from tests.factories import make_account, make_contact, make_list, subscribe


def people(session) -> dict[str | None, Contact]:
    session.expire_all()
    return {contact.email: contact for contact in session.scalars(select(Contact))}


def states(session, list_id: int) -> dict[str | None, str]:
    rows = session.execute(
        select(Contact.email, Subscription.state)
        .join(Subscription, Subscription.contact_id == Contact.id)
        .where(Subscription.list_id == list_id)
    )
    return dict(rows.all())


def numbers(row) -> tuple[int, ...]:
    """(created, updated, unchanged, rejected, subscribed, kept)."""
    return (
        row.created_count,
        row.updated_count,
        row.unchanged_count,
        row.rejected_count,
        row.subscribed_count,
        row.kept_count,
    )


def test_rows_become_contacts_fields_and_subscriptions(session, account_id, clock):
    list_id = make_list(session, account_id)
    row = carried_out(
        session,
        account_id,
        "Email,First name,Birthday,Shoe size\nani@a.example,Ani,1990-02-03,42\n"
        "BUDI@B.example,Budi,,\n",
        clock(),
        list_id=list_id,
    )

    assert row.state == "finished"
    assert (row.rows_read, *numbers(row)) == (2, 2, 0, 0, 0, 2, 0)
    found = people(session)
    ani, budi = found["ani@a.example"], found["budi@b.example"]
    assert (ani.first_name, ani.birth_date, ani.domain) == ("Ani", date(1990, 2, 3), "a.example")
    assert ani.fields == {"shoe_size": 42}
    assert budi.fields == {}
    assert fields.types(session, account_id)["shoe_size"].kind == "number"
    assert [f.label for f in fields.all_fields(session, account_id)] == ["Shoe size"]
    assert states(session, list_id) == {
        "ani@a.example": "subscribed",
        "budi@b.example": "subscribed",
    }
    assert row.bytes_read == imports.size_of(session, account_id, row)


@pytest.mark.standard("LAW-03")
def test_each_subscription_has_its_proof(session, account_id, clock):
    list_id = make_list(session, account_id)
    row = carried_out(
        session,
        account_id,
        "email,confirm_time,confirm_ip\nani@a.example,2024-05-06 07:08:09,192.0.2.7\n",
        clock(),
        list_id=list_id,
        mapping={"columns": ["email", "opted_in_at", "opted_in_ip"]},
    )
    proof = session.scalars(select(Consent)).one()
    assert (proof.action, proof.source, proof.ip) == ("subscribe", f"import {row.id}", "192.0.2.7")
    assert proof.at.isoformat() == "2024-05-06T07:08:09+00:00"
    assert proof.wording == "people.csv"


def test_an_empty_cell_overwrites_nothing_and_the_same_again_changes_nothing(
    session, account_id, clock
):
    data = "email,first_name,last_name\nani@a.example,,Lestari\n"
    make_contact(session, account_id, email="ani@a.example", first_name="Ani")
    first = carried_out(session, account_id, data, clock())
    assert numbers(first)[:3] == (0, 1, 0)
    ani = people(session)["ani@a.example"]
    assert (ani.first_name, ani.last_name) == ("Ani", "Lestari")
    assert numbers(carried_out(session, account_id, data, clock()))[:3] == (0, 0, 1)


def test_known_contacts_stay_as_they_are_when_asked(session, account_id, clock):
    list_id = make_list(session, account_id)
    make_contact(session, account_id, email="ani@a.example", first_name="Ani")
    row = carried_out(
        session,
        account_id,
        "email,first_name\nani@a.example,Anna\ndewi@d.example,Dewi\n",
        clock(),
        list_id=list_id,
        update=False,
    )
    assert numbers(row) == (1, 0, 1, 0, 2, 0)
    assert people(session)["ani@a.example"].first_name == "Ani"


@pytest.mark.standard("LAW-06")
def test_nobody_who_left_or_is_suppressed_comes_back(session, account_id, clock):
    list_id = make_list(session, account_id)
    left = make_contact(session, account_id, email="left@a.example")
    subscribe(session, account_id, list_id, left, "unsubscribed")
    waiting = make_contact(session, account_id, email="waiting@a.example")
    subscribe(session, account_id, list_id, waiting, "pending")
    suppress(session, account_id, "hard@a.example", "bounce")
    before = session.scalars(select(Subscription.changed_at).order_by("contact_id")).all()

    row = carried_out(
        session,
        account_id,
        "email,status\nLEFT@A.example,subscribed\nwaiting@a.example,subscribed\n"
        "hard@a.example,subscribed\nnew@a.example,subscribed\n",
        clock() + timedelta(days=1),
        list_id=list_id,
    )

    assert states(session, list_id) == {
        "left@a.example": "unsubscribed",
        "waiting@a.example": "pending",
        "new@a.example": "subscribed",
    }
    assert (row.subscribed_count, row.kept_count) == (1, 2)
    after = session.scalars(
        select(Subscription.changed_at)
        .where(Subscription.contact_id.in_((left, waiting)))
        .order_by(Subscription.contact_id)
    ).all()
    assert after == before
    assert session.scalars(select(Suppression.reason)).all() == ["bounce"]


def test_what_a_file_says_of_who_left_is_heard(session, account_id, clock):
    list_id = make_list(session, account_id)
    here = make_contact(session, account_id, email="here@a.example")
    subscribe(session, account_id, list_id, here)
    row = carried_out(
        session,
        account_id,
        "email,status\nhere@a.example,unsubscribed\ngone@a.example,cleaned\n"
        "angry@a.example,complained\nslow@a.example,pending\n",
        clock(),
        list_id=list_id,
    )
    assert states(session, list_id) == {
        "here@a.example": "unsubscribed",
        "gone@a.example": "unsubscribed",
        "angry@a.example": "unsubscribed",
        "slow@a.example": "pending",
    }
    assert row.subscribed_count == 0
    assert session.scalars(select(Event.kind)).all() == ["unsubscribed"] * 3
    suppressed = session.execute(
        select(Suppression.email, Suppression.reason, Suppression.evidence, Suppression.actor)
    )
    assert sorted(tuple(one) for one in suppressed) == [
        ("angry@a.example", "import", "complained", "ani@acme.example"),
        ("gone@a.example", "import", "bounced", "ani@acme.example"),
    ]


def test_without_a_list_who_unsubscribed_elsewhere_is_suppressed(session, account_id, clock):
    carried_out(
        session, account_id, "email,status\na@a.example,unsubscribed\nb@a.example,active\n", clock()
    )
    assert session.scalars(select(Suppression.email)).all() == ["a@a.example"]


def test_duplicates_of_one_file_are_one_contact_and_the_last_wins(session, account_id, clock):
    list_id = make_list(session, account_id)
    row = carried_out(
        session,
        account_id,
        "email,first_name,city\nani@a.example,Ani,Jakarta\nANI@A.EXAMPLE,Anna,\nani@a.example,,\n",
        clock(),
        list_id=list_id,
    )
    assert numbers(row) == (1, 1, 1, 0, 1, 0)
    ani = people(session)["ani@a.example"]
    assert (ani.first_name, ani.city) == ("Anna", "Jakarta")


def test_chunks_cut_anywhere_give_the_same(session, account_id, clock, monkeypatch):
    data = "email,first_name\n" + "".join(
        f"p{number % 40}@a.example,Name {number}\n" for number in range(100)
    )
    monkeypatch.setattr(importing, "CHUNK_ROWS", 7)
    row = carried_out(session, account_id, data, clock())
    assert numbers(row)[:3] == (40, 60, 0)
    assert people(session)["p19@a.example"].first_name == "Name 99"


def test_identifiers_find_people_and_torn_rows_are_rejected(session, account_id, clock):
    make_contact(session, account_id, email="old@a.example", external_id="7")
    make_contact(session, account_id, email=None, external_id="8")
    make_contact(session, account_id, email="other@a.example")
    row = carried_out(
        session,
        account_id,
        "id,email\n7,new@a.example\n8,eight@a.example\n9,\n7,other@a.example\n",
        clock(),
        mapping={"columns": ["external_id", "email"]},
    )
    found = {one.external_id: one.email for one in people(session).values()}
    assert found == {
        "7": "new@a.example",
        "8": "eight@a.example",
        "9": None,
        None: "other@a.example",
    }
    assert numbers(row)[:4] == (1, 2, 0, 1)
    rejected = session.scalars(select(ImportRejection)).one()
    assert (rejected.row_number, rejected.reason) == (5, "external_id")
    assert rejected.values == ["7", "other@a.example"]


def test_a_suppressed_person_gets_no_new_address_from_a_file(session, account_id, clock):
    make_contact(session, account_id, email="old@a.example", external_id="7")
    suppress(session, account_id, "old@a.example", "complaint")
    carried_out(
        session,
        account_id,
        "id,email,first_name\n7,new@a.example,Ani\n",
        clock(),
        mapping={"columns": ["external_id", "email", "first_name"]},
    )
    assert [(p.email, p.first_name) for p in people(session).values()] == [("old@a.example", "Ani")]


def test_rejected_lines_keep_their_number_reason_and_cells(session, account_id, clock):
    row = carried_out(
        session,
        account_id,
        "email,birth_date\nnobody,2000-01-01\nani@a.example,yesterday\n,\nbudi@a.example,2000-01-01\n",
        clock(),
        mapping={"columns": ["email", "birth_date"]},
    )
    found = [(r.row_number, r.reason, r.values) for r in
             imports.rejections(session, account_id, row.id)]  # fmt: skip
    assert found == [
        (2, "address:no_at", ["nobody", "2000-01-01"]),
        (3, "date", ["ani@a.example", "yesterday"]),
    ]
    assert numbers(row)[:4] == (1, 0, 0, 2)


def test_a_second_worker_that_comes_late_changes_nothing(session, account_id, clock):
    import_id = prepared(session, account_id, "email\nani@a.example\n")
    job = import_claims.claim(session, account_id, clock())
    assert job is not None
    assert job.import_id == import_id
    assert import_claims.claim(session, account_id, clock()) is None
    clock.forward(seconds=21)
    again = import_claims.claim(session, account_id, clock())
    assert again == job
    imports.cancel(session, account_id, import_id, clock())
    with pytest.raises(import_claims.Lost):
        import_claims.finish(session, account_id, job, None, clock())
    assert import_claims.claim(session, account_id, clock()) is None


@pytest.mark.parametrize(
    ("mapping", "error"),
    [
        ({"columns": ["first_name"]}, Invalid),
        ({"columns": ["email", "email"]}, Invalid),
        ({"columns": ["email", "field:unknown"]}, Invalid),
        ("email", Invalid),
    ],
)
def test_wrong_mappings_are_refused(session, account_id, mapping, error):
    with pytest.raises(error):
        prepared(session, account_id, "email,x\na@a.example,1\n", mapping=mapping)


def test_lists_must_be_ones_own_and_in_use(session, clock):
    other = make_account(session)
    strange = make_list(session, other)
    account_id = make_account(session)
    with pytest.raises(NotFound):
        prepared(session, account_id, "email\na@a.example\n", list_id=strange)
    archived = make_list(session, account_id, archived_at=clock())
    with pytest.raises(Refused):
        prepared(session, account_id, "email\na@a.example\n", list_id=archived)


def test_a_wrong_guess_can_be_changed_before_the_start(session, account_id):
    raw = "Email;Ort\nani@a.example;Köln\n".encode("cp1252")
    import_id = prepared(session, account_id, raw)
    with pytest.raises(Conflict):
        imports.read_again(session, account_id, import_id, {"delimiter": ","})
    with pytest.raises(Conflict):
        imports.map_columns(session, account_id, import_id, {}, Wishes())
    with pytest.raises(Conflict):
        imports.start(session, account_id, import_id)
