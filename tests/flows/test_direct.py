"""Straight to the receivers: lanes by provider, limits, pauses, and what can't be delivered."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from sqlalchemy import text

from bench.conversation import Behaviour
from esp.clock import utc_now
from esp.delivery import brakes, notices
from esp.delivery.notices import Origin
from esp.delivery.pacing.key import Key
from esp.delivery.sender import Sender
from esp.runtime import Runtime
from esp.senders import pools
from esp.senders.pools import PoolSettings, Source
from tests.doors.smtp.parties import Client
from tests.factories import make_account
from tests.flows.receivers import direct_runtime, provider_numbers, send_to, world
from tests.sendings import Sending, states

GOOD = ("a.example", "b.example", "c.example", "d.example")


def sending_of(runtime: Runtime, people: dict[str, int], **values: object) -> Sending:
    with runtime.transaction(None) as session:
        return send_to(session, make_account(session), people, **values)


def send(runtime: Runtime, until: Callable[[], bool] = lambda: False, seconds: float = 90) -> None:
    sender = Sender(runtime)
    sender.work(seconds, stop=until)
    sender.stop(2)


def states_of(runtime: Runtime, sending: Sending) -> dict[str, int]:
    with runtime.transaction(sending.account_id) as session:
        return states(session, sending)


def fates(runtime: Runtime, sending: Sending) -> dict[str, tuple[str, str]]:
    """By domain: state and reply of its people, who all have the same."""
    with runtime.transaction(sending.account_id) as session:
        rows = session.execute(
            text(
                "SELECT DISTINCT split_part(email, '@', 2), state, reply FROM recipients"
                " WHERE broadcast_id = :broadcast"
            ),
            {"broadcast": sending.broadcast_id},
        ).all()
    assert len({row[0] for row in rows}) == len(rows), rows
    return {domain: (state, reply) for domain, state, reply in rows}


@pytest.mark.standard("THR-04")
def test_a_dead_slow_provider_among_five_delays_nobody(settings, runtime):
    parts = {domain: Behaviour() for domain in GOOD} | {"slow.example": Behaviour(delay=0.5)}
    people = dict.fromkeys(("slow.example", *GOOD), 300)
    with world(parts) as receivers, direct_runtime(settings, receivers.dns, receivers.port) as real:
        sending = sending_of(real, people)
        send(real, until=lambda: all(receivers.count(domain) == 300 for domain in GOOD))
        assert {domain: receivers.count(domain) for domain in GOOD} == dict.fromkeys(GOOD, 300)
        # Ten connections take twenty of its messages a second, so it would need fifteen seconds.
        assert receivers.count("slow.example") < 150
        assert states_of(real, sending)["sent"] == 1200 + receivers.count("slow.example")


def test_small_receivers_in_one_batch_have_a_lane_each(settings, runtime):
    domains = [f"small{n}.example" for n in range(8)]
    parts = {domain: Behaviour() for domain in domains}
    with world(parts) as receivers, direct_runtime(settings, receivers.dns, receivers.port) as real:
        sending = sending_of(real, dict.fromkeys(domains, 3), together=True)
        send(real)
        assert states_of(real, sending) == {"sent": 24}
        assert {domain: receivers.count(domain) for domain in domains} == dict.fromkeys(domains, 3)


@pytest.mark.standard("SMTP-13", "SMTP-14")
def test_what_can_not_be_delivered_says_why(settings, runtime):
    with world({"a.example": Behaviour()}) as receivers:
        receivers.dns["null.example"] = {"MX": ["0 ."]}
        receivers.dns["refused.example"] = {"MX": ["10 mx.refused.example."]}
        receivers.dns["mx.refused.example"] = {"A": ["127.0.0.200"]}
        with direct_runtime(settings, receivers.dns, receivers.port) as real:
            domains = ("a.example", "null.example", "gone.example", "refused.example")
            sending = sending_of(real, dict.fromkeys(domains, 3))
            send(real)
            found = fates(real, sending)
    assert found["a.example"][0] == "sent"
    assert found["null.example"][0] == "failed"
    assert found["null.example"][1].startswith("5.1.10 ")
    assert found["gone.example"][0] == "failed"
    assert found["gone.example"][1].startswith("5.1.2 ")
    assert found["refused.example"][0] == "deferred"
    assert found["refused.example"][1].startswith("4.4.1 ")


@pytest.mark.standard("THR-01", "THR-02")
def test_a_provider_is_given_no_more_connections_than_its_limit(settings, runtime):
    many: list[int] = []
    open_now: set[Client] = set()

    def count(client: Client) -> None:
        open_now.add(client)
        many.append(len(open_now))
        client.greet(b"PIPELINING")
        while client.line().startswith(b"MAIL"):
            client.say(b"250 ok")
            client.line()
            client.line()
            client.say(b"250 ok", b"354 go on")
            client.body()
            time.sleep(0.05)
            client.say(b"250 ok")
        open_now.remove(client)
        client.say(b"221 bye")

    domains = ("gmail.com", "googlemail.com")
    with (
        world(dict.fromkeys(domains, count)) as receivers,
        direct_runtime(settings, receivers.dns, receivers.port) as real,
    ):
        sending = sending_of(real, dict.fromkeys(domains, 100))
        send(real)
        assert states_of(real, sending) == {"sent": 200}
    # Two sites of one provider.
    assert max(many) == 5


def throttle(client: Client) -> None:
    client.greet(b"PIPELINING")
    client.line()
    client.say(
        b"421 4.7.28 Gmail has detected an unusual rate of mail originating from your IP",
    )


@pytest.mark.standard("THR-03", "THR-05")
def test_a_provider_that_throttles_is_left_alone_and_the_others_go_on(settings, runtime):
    with (
        world({"gmail.com": throttle, "a.example": Behaviour()}) as receivers,
        direct_runtime(settings, receivers.dns, receivers.port) as real,
    ):
        sending = sending_of(real, {"gmail.com": 300, "a.example": 300})
        send(real, seconds=15)
        found = states_of(real, sending)
        with real.transaction(0) as session:
            pace = session.execute(
                text(
                    "SELECT share, cap_until > now(), cap_per_minute, reason, reply FROM paces"
                    " JOIN providers v ON v.id = provider_id WHERE v.name = 'google'"
                )
            ).one()
    assert found["sent"] == 300
    # Those on the connections that heard it, at most.
    assert 1 <= found["deferred"] < 60
    assert found.get("failed", 0) == 0
    assert pace.share < 1
    assert pace[1] is True
    assert pace.cap_per_minute == 10
    assert "unusual rate" in pace.reply


def test_a_pause_is_kept_in_the_database_and_nothing_begins_before_it_ends(settings, runtime):
    parts = {"slow.example": Behaviour(), "a.example": Behaviour()}
    with world(parts) as receivers, direct_runtime(settings, receivers.dns, receivers.port) as real:
        sending = sending_of(real, {"slow.example": 40, "a.example": 40})
        with real.transaction(0) as session:
            provider_id = provider_numbers(session, ("slow.example",))["slow.example"]
            values = {"provider": provider_id}
            session.execute(
                text(
                    "INSERT INTO paces (account_id, pool_id, provider_id, is_held)"
                    " VALUES (0, 0, :provider, true)"
                ),
                values,
            )
        send(real, seconds=6)
        assert receivers.count("a.example") == 40
        assert receivers.count("slow.example") == 0
        assert states_of(real, sending) == {"sent": 40, "queued": 40}
        with real.transaction(0) as session:
            session.execute(
                text("UPDATE paces SET is_held = false WHERE provider_id = :provider"), values
            )
        send(real, seconds=15)
        assert states_of(real, sending) == {"sent": 80}


def test_what_one_account_may_not_send_delays_no_other(settings, runtime):
    with (
        world({"a.example": Behaviour()}) as receivers,
        direct_runtime(settings, receivers.dns, receivers.port) as real,
    ):
        held, other = (sending_of(real, {"a.example": 2500}) for _ in range(2))
        with real.transaction(held.account_id) as session:
            provider_id = provider_numbers(session, ("a.example",))["a.example"]
            brakes.hold(session, Key(held.account_id, 0, provider_id))
        send(real, until=lambda: receivers.count("a.example") == 2500)
        assert states_of(real, held) == {"queued": 2500}
        assert states_of(real, other) == {"sent": 2500}
        with real.transaction(held.account_id) as session:
            brakes.lift(session, Key(held.account_id, 0, provider_id))
        send(real)
        assert states_of(real, held) == {"sent": 2500}


def test_a_rate_that_people_set_is_kept(settings, runtime):
    with (
        world({"a.example": Behaviour()}) as receivers,
        direct_runtime(settings, receivers.dns, receivers.port) as real,
    ):
        sending_of(real, {"a.example": 200})
        with real.transaction(0) as session:
            provider_id = provider_numbers(session, ("a.example",))["a.example"]
            session.execute(
                text(
                    "INSERT INTO paces (account_id, pool_id, provider_id, rate_per_minute)"
                    " VALUES (0, 0, :provider, 600)"
                ),
                {"provider": provider_id},
            )
        send(real, until=lambda: receivers.count("a.example") >= 40)
    times = [one.at for one in receivers.taken["a.example"]]
    # Ten a second, and what a busy machine may make up for of the last quarter of one.
    assert all(later - sooner > 1 for sooner, later in zip(times, times[13:], strict=False))


def test_mail_leaves_from_the_addresses_of_its_pool(settings, runtime):
    seen: set[tuple[str, bytes]] = set()

    def note(client: Client) -> None:
        client.say(b"220 hi")
        name = client.line().split()[1]
        seen.add((client.sock.getpeername()[0], name))
        client.say(b"250-hi", b"250 PIPELINING")
        while True:
            client.group()
            client.body()
            client.say(b"250 ok")

    with (
        world({"a.example": note}) as receivers,
        direct_runtime(settings, receivers.dns, receivers.port) as real,
    ):
        with real.transaction(None) as session:
            account_id = make_account(session)
            sources = (Source("127.0.0.71", "one.acme.example"), Source("127.0.0.72"))
            pool_id = pools.add_pool(session, account_id, PoolSettings("Offers", sources))
            sending = send_to(session, account_id, {"a.example": 250}, pool_id=pool_id)
        send(real)
        assert states_of(real, sending) == {"sent": 250}
    assert {address for address, _ in seen} == {"127.0.0.71", "127.0.0.72"}
    assert ("127.0.0.71", b"one.acme.example") in seen


def test_a_notice_goes_straight_and_does_not_wait_for_bulk(settings, runtime):
    with (
        world({"a.example": Behaviour(delay=0.2)}) as receivers,
        direct_runtime(settings, receivers.dns, receivers.port) as real,
    ):
        sending = sending_of(real, {"a.example": 500})
        origin = Origin.of(real.settings, real.keyring)
        with real.transaction(sending.account_id) as session:
            notices.queue(
                session, sending.account_id, origin, kind="reset", email="ana@a.example",
                subject="Reset", text="Here: {{ link }}\n", data={"link": "x"}, now=utc_now(),
            )  # fmt: skip
        taken, ana = receivers.taken["a.example"], ("ana@a.example",)
        send(real, until=lambda: any(one.rcpt == ana for one in list(taken)))
    assert [one.rcpt for one in taken].index(ana) < 60
