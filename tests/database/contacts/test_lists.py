"""Lists as the database keeps them."""

from __future__ import annotations

import re

from esp.contacts import lists


def test_every_public_key_may_stand_in_a_list_id(session, account_id):
    for number in range(60):
        made = lists.create(session, account_id, lists.Wording(f"List {number}"))
        assert re.fullmatch(r"[a-z0-9]{16,40}", lists.get(session, account_id, made).public_key)
