"""A journal gives back, in order, a prefix of what was written: at most its torn end is lost."""

from __future__ import annotations

import os
import resource
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp import journal
from esp.journal import Journal, JournalError, framed, records

facts = st.lists(st.binary(max_size=40), max_size=12)


@given(facts, st.integers(min_value=0))
def test_any_cut_of_the_file_gives_a_prefix(written, cut):
    whole = b"".join(framed(fact) for fact in written)
    read = [one.fact for one in records(whole[: cut % (len(whole) + 1)])]
    assert read == written[: len(read)]


@given(facts)
def test_whole_records_are_all_read_each_with_the_offset_behind_it(written):
    whole = b"".join(framed(fact) for fact in written)
    read = list(records(whole, start=100))
    assert [one.fact for one in read] == written
    for number, one in enumerate(read):
        assert [more.fact for more in records(whole[one.end - 100 :])] == written[number + 1 :]


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=6), st.data())
def test_a_flipped_bit_ends_the_reading_before_it(written, data):
    whole = bytearray(b"".join(framed(fact) for fact in written))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= 1 << data.draw(st.integers(0, 7))
    read = [one.fact for one in records(bytes(whole))]
    assert read == written[: len(read)]
    assert len(read) < len(written)


def test_segments_follow_one_another_and_go_when_they_are_shipped(tmp_path):
    writer = Journal(tmp_path, "send", segment_bytes=100)
    written = [b"fact %d" % n for n in range(50)]
    ends = [writer.append(fact) for fact in written]
    assert len(journal.segments(tmp_path, writer.name)) > 3

    read, offset = [], 0
    while found := journal.read(tmp_path, writer.name, offset, 7):
        read += found
        offset = found[-1].end
    assert [one.fact for one in read] == written
    assert [one.end for one in read] == ends

    writer.shipped(ends[25])
    assert [one.fact for one in journal.read(tmp_path, writer.name, ends[25], 3)] == written[26:29]
    assert journal.segments(tmp_path, writer.name)[0][0] > 0
    writer.remove()
    assert [path.name for path in tmp_path.iterdir()] == ["host"]


def test_only_the_journals_of_the_dead_are_orphans(tmp_path):
    writer = Journal(tmp_path, "send")
    writer.append(b"one")
    assert list(journal.orphans(tmp_path, "send")) == []
    assert journal.is_alive(tmp_path, writer.name)

    child = os.fork()
    if child == 0:
        Journal(tmp_path, "send").append(b"two")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)

    (orphan,) = journal.orphans(tmp_path, "send")
    assert [one.fact for one in journal.read(tmp_path, orphan.name, 0, 10)] == [b"two"]
    assert list(journal.orphans(tmp_path, "send")) == []  # it is held
    assert list(journal.orphans(tmp_path, "hits")) == []
    orphan.remove()
    assert journal.names(tmp_path, "send") == [writer.name]
    writer.close()


@pytest.fixture
def small_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_keeps_whole_records_only(tmp_path, small_files):
    writer = Journal(tmp_path, "send")
    writer.append(b"a" * 40)
    for _ in range(2):
        with pytest.raises(JournalError):
            writer.append(b"b" * 40)
    assert writer.append(b"c") == 48 + 9
    read = [one.fact for one in journal.read(tmp_path, writer.name, 0, 10)]
    assert read == [b"a" * 40, b"c"]
    writer.close()


def test_a_machine_keeps_its_name_and_shares_it_with_no_other_folder(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
    assert journal.host(one) == journal.host(one) != journal.host(two)
    assert sorted(path.name for path in one.iterdir()) == ["host"]
