"""Two at once: only one of them wins."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from esp.accounts import idempotency, links, memberships
from esp.accounts.idempotency import Answer
from esp.errors import Refused
from tests.factories import make_account, make_user


def at_once(*acts):
    """What `acts` answer when they begin together; a refusal counts as an answer."""
    barrier = Barrier(len(acts))

    def run(act):
        barrier.wait(10)
        try:
            return act()
        except Refused:
            return "refused"

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_of_two_last_owners_one_stays(runtime):
    with runtime.transaction(None) as session:
        account_id = make_account(session)
        owners = [make_user(session, account_id, "owner") for _ in range(2)]

    def leaving(user_id):
        def leave():
            with runtime.transaction(account_id) as session:
                memberships.leave(session, account_id, user_id)
            return "gone"

        return leave

    answers = at_once(*(leaving(user_id) for user_id in owners))
    assert sorted(answers) == ["gone", "refused"]


def test_a_link_lets_one_of_two_browsers_in(runtime):
    with runtime.transaction(None) as session:
        user_id = make_user(session)
        token = links.create_link(session, user_id, "sign_in", runtime.clock())

    def use():
        with runtime.transaction(None) as session:
            return links.use_link(session, token, runtime.clock())

    assert sorted(map(bool, at_once(use, use))) == [False, True]


def test_a_request_sent_twice_is_carried_out_once(runtime):
    with runtime.transaction(None) as session:
        account_id = make_account(session)
    done = []

    def ask():
        with runtime.transaction(account_id) as session:
            known = idempotency.replay(session, account_id, "key", b"body")
            if known:
                return known
            done.append(1)
            answer = Answer(202, f'{{"id": {len(done)}}}')
            idempotency.remember(session, account_id, "key", b"body", answer, runtime.clock())
            return answer

    assert at_once(ask, ask) == [(202, '{"id": 1}')] * 2
