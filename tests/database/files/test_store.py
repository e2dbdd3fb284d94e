"""Files live in the database."""

from __future__ import annotations

import io

import pytest

from esp.errors import Invalid, NotFound
from esp.files import store


def test_a_file_comes_back_as_it_was(session, account_id):
    data = bytes(range(256)) * 10_000
    file = store.keep(
        session, account_id, "contacts", "a.csv", "text/csv", io.BytesIO(data), limit=10**7
    )
    assert file.size == len(data)
    assert b"".join(store.chunks(session, account_id, file.id)) == data
    assert b"".join(store.chunks(session, account_id, file.id, 1_500_000)) == data[1_500_000:]
    target = io.BytesIO()
    assert store.copy_to(session, account_id, file.id, target) == len(data)
    assert target.getvalue() == data


@pytest.mark.parametrize(("data", "limit"), [(b"", 10), (b"x" * 11, 10)], ids=["empty", "too long"])
def test_empty_and_too_long_files_are_refused(session, account_id, data, limit):
    with pytest.raises(Invalid):
        store.keep(session, account_id, "contacts", "a", "text/csv", io.BytesIO(data), limit=limit)


def test_a_picture_is_found_by_its_public_key_until_it_is_removed(session, account_id):
    file = store.keep(
        session, account_id, "picture", "a.png", "image/png", io.BytesIO(b"x"), limit=10
    )
    assert file.public_key
    assert store.picture(session, account_id, file.public_key).id == file.id
    assert [p.id for p in store.pictures(session, account_id)] == [file.id]
    assert store.stored_bytes(session, account_id) == 1
    store.remove(session, account_id, file.id)
    with pytest.raises(NotFound):
        store.picture(session, account_id, file.public_key)
