"""Storing what happened, and the counts of it, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session


class Tally(NamedTuple):
    """What is counted: `name` of a broadcast, within the hour of `at` (None: not by hour)."""

    broadcast_id: int
    name: str
    hour: datetime | None = None


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of one contact."""

    kind: str
    at: datetime
    contact_id: int
    broadcast_id: int | None = None
    seq: int | None = None
    list_id: int | None = None
    link_number: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


class Click(NamedTuple):
    """A click on a link; `seq` None where the person must not be known."""

    broadcast_id: int
    number: int
    seq: int | None
    at: datetime


def hour_of(at: datetime) -> datetime:
    """The beginning of the hour, in UTC."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def add_events(session: Session, account_id: int, happenings: Sequence[Happening]) -> None:
    """Append to the account's events; makes the month's partition where it is missing."""
    if not happenings:
        return
    for month in sorted({(one.at.year, one.at.month) for one in happenings}):
        session.execute(
            text("SELECT make_event_partition(:moment)"),
            {"moment": datetime(*month, 15, tzinfo=UTC)},
        )
    rows = [
        {
            "kind": one.kind,
            "at": one.at,
            "contact_id": one.contact_id,
            "broadcast_id": one.broadcast_id,
            "seq": one.seq,
            "list_id": one.list_id,
            "link_number": one.link_number,
            "detail": dict(one.detail),
        }
        for one in happenings
    ]
    session.execute(
        text(
            "INSERT INTO events (account_id, at, kind, contact_id, broadcast_id, seq, list_id,"
            " link_number, detail) SELECT :account, e.at, e.kind, e.contact_id, e.broadcast_id,"
            " e.seq, e.list_id, e.link_number, e.detail"
            " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS e (at timestamptz, kind text,"
            " contact_id bigint, broadcast_id bigint, seq integer, list_id bigint,"
            " link_number integer, detail jsonb)"
        ),
        {"account": account_id, "rows": orjson.dumps(rows).decode()},
    )


def count_all(
    session: Session, account_id: int, broadcast_id: int, amounts: Mapping[str, int]
) -> None:
    """Add each amount, which may be negative, to the count of its name, not by hour."""
    count(session, account_id, {Tally(broadcast_id, name): n for name, n in amounts.items()})


def count(session: Session, account_id: int, tallies: Mapping[Tally, int]) -> None:
    """Add to the broadcasts' counts, and to those by hour; in one order, so nobody deadlocks."""
    totals: dict[tuple[int, str], int] = {}
    for tally, number in tallies.items():
        key = (tally.broadcast_id, tally.name)
        totals[key] = totals.get(key, 0) + number
    _upsert(
        session,
        "INSERT INTO broadcast_counts AS t (account_id, broadcast_id, name, count)"
        " SELECT :account, r.broadcast_id, r.name, r.count"
        " FROM jsonb_to_recordset(CAST(:rows AS jsonb))"
        " AS r (broadcast_id bigint, name text, count bigint)"
        " ON CONFLICT (account_id, broadcast_id, name) DO UPDATE"
        " SET count = t.count + EXCLUDED.count",
        account_id,
        [
            {"broadcast_id": broadcast_id, "name": name, "count": number}
            for (broadcast_id, name), number in sorted(totals.items())
            if number
        ],
    )
    _upsert(
        session,
        "INSERT INTO broadcast_hours AS t (account_id, broadcast_id, hour, name, count)"
        " SELECT :account, r.broadcast_id, r.hour, r.name, r.count"
        " FROM jsonb_to_recordset(CAST(:rows AS jsonb))"
        " AS r (broadcast_id bigint, hour timestamptz, name text, count bigint)"
        " ON CONFLICT (account_id, broadcast_id, hour, name) DO UPDATE"
        " SET count = t.count + EXCLUDED.count",
        account_id,
        [
            {"broadcast_id": tally[0], "name": tally[1], "hour": tally[2], "count": number}
            for tally, number in sorted(_by_hour(tallies))
            if number
        ],
    )


def _by_hour(tallies: Mapping[Tally, int]) -> Iterable[tuple[tuple[int, str, datetime], int]]:
    for tally, number in tallies.items():
        if tally.hour is not None:
            yield (tally.broadcast_id, tally.name, tally.hour), number


def count_clicks(session: Session, account_id: int, clicks: Sequence[Click]) -> None:
    """Add to the links' counts; a known person counts once as unique."""
    first = _new_clickers(session, account_id, clicks)
    found: dict[tuple[int, int], list[int]] = {}
    for click in clicks:
        found.setdefault((click.broadcast_id, click.number), [0, 0])[0] += 1
    for key in first:
        found[key][1] += 1
    _upsert(
        session,
        "INSERT INTO link_counts AS t (account_id, broadcast_id, number, clicks, unique_clicks)"
        " SELECT :account, r.broadcast_id, r.number, r.clicks, r.unique_clicks"
        " FROM jsonb_to_recordset(CAST(:rows AS jsonb))"
        " AS r (broadcast_id bigint, number integer, clicks bigint, unique_clicks bigint)"
        " ON CONFLICT (account_id, broadcast_id, number) DO UPDATE SET"
        " clicks = t.clicks + EXCLUDED.clicks,"
        " unique_clicks = t.unique_clicks + EXCLUDED.unique_clicks",
        account_id,
        [
            {"broadcast_id": key[0], "number": key[1], "clicks": all_, "unique_clicks": unique}
            for key, (all_, unique) in sorted(found.items())
        ],
    )


def _new_clickers(
    session: Session, account_id: int, clicks: Sequence[Click]
) -> list[tuple[int, int]]:
    people: dict[tuple[int, int, int], datetime] = {}
    for click in clicks:
        if click.seq is not None:
            key = (click.broadcast_id, click.number, click.seq)
            people[key] = min(click.at, people.get(key, click.at))
    if not people:
        return []
    rows = session.execute(
        text(
            "INSERT INTO link_clickers (account_id, broadcast_id, number, seq, at)"
            " SELECT :account, r.broadcast_id, r.number, r.seq, r.at"
            " FROM jsonb_to_recordset(CAST(:rows AS jsonb))"
            " AS r (broadcast_id bigint, number integer, seq integer, at timestamptz)"
            " ON CONFLICT DO NOTHING RETURNING broadcast_id, number"
        ),
        {
            "account": account_id,
            "rows": orjson.dumps(
                [
                    {"broadcast_id": key[0], "number": key[1], "seq": key[2], "at": at}
                    for key, at in sorted(people.items())
                ]
            ).decode(),
        },
    )
    return [(broadcast_id, number) for broadcast_id, number in rows]


# The few statements of `_upsert`, taken apart once.
_parsed = lru_cache(maxsize=16)(text)


def _upsert(
    session: Session, statement: str, account_id: int, rows: Sequence[Mapping[str, object]]
) -> None:
    if rows:
        session.execute(
            _parsed(statement), {"account": account_id, "rows": orjson.dumps(rows).decode()}
        )
