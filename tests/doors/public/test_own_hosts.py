"""An account's own names: return paths come in at them, links are answered under them."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from esp.entrypoints import inbound
from esp.senders import sending_domains


@pytest.fixture
def domain(runtime, sent) -> None:
    with runtime.transaction(sent.account_id) as session:
        sending_domains.add_domain(
            session, sent.account_id, "acme.example", runtime.cipher, runtime.clock()
        )


@pytest.mark.standard("DMARC-02")
def test_bounces_come_in_at_the_host_of_the_return_path(runtime, sent, domain):
    door = inbound.Door(runtime)

    for host in ("bounces.localhost", "bounces.acme.example", "BOUNCES.Acme.example"):
        meant = door.meant(f"b+{sent.token}@{host}")
        assert meant is not None
        assert meant.ref.account_id == sent.account_id
        operator = door.meant(f"postmaster@{host}")
        assert operator is not None
        assert operator.ref is None

    for host in ("acme.example", "links.acme.example", "bounces.acme.example.evil.example"):
        assert door.meant(f"b+{sent.token}@{host}") is None
    assert door.meant("b+unsigned@bounces.acme.example") is None


def test_strangers_names_are_not_looked_up_one_by_one(runtime, sent, domain):
    asked = []
    listening = (runtime.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    door = inbound.Door(runtime)

    event.listen(*listening)
    assert [door.meant(f"postmaster@{n}.example") for n in range(50)] == [None] * 50
    event.remove(*listening)

    assert len([one for one in asked if "return_path_hosts" in one]) == 1


@pytest.mark.standard("TRK-01")
def test_links_are_answered_under_the_accounts_own_name(door, sent, domain):
    for host in ("localhost", "links.acme.example"):
        base = f"https://{host}"
        pixel = door.get(f"/o/{sent.token}.gif", base_url=base)
        assert (pixel.status_code, pixel.mimetype) == (200, "image/gif")
        assert door.get(f"/c/{sent.token}/0", base_url=base).status_code == 302
        assert door.get(f"/u/{sent.token}", base_url=base).status_code == 200
