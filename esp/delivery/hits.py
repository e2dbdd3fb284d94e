"""Storing opens and clicks, and what follows from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from sqlalchemy import text
from sqlalchemy.orm import Session

from esp.db import enter_account
from esp.delivery.facts import Hit
from esp.delivery.tracking import allowed
from esp.engagement.record import (
    Click,
    Happening,
    Tally,
    add_events,
    count,
    count_clicks,
    hour_of,
)


@dataclass(slots=True)
class _Copy:
    """One recipient's copy, and what it has seen now."""

    contact_id: int
    allowed: bool
    opens: int = 0
    clicks: int = 0
    opened_at: datetime | None = None
    clicked_at: datetime | None = None


def record_hits(session: Session, hits: Iterable[Hit]) -> None:
    """Store opens and clicks, account by account; leaves the session in the last.

    Without the person's leave (see tracking.py) an open is forgotten, and a click is counted
    without saying whose it was.
    """
    ordered = sorted(hits, key=attrgetter("account_id", "broadcast_id", "seq", "at"))
    for account_id, found in groupby(ordered, key=attrgetter("account_id")):
        enter_account(session, account_id)
        _record(session, account_id, list(found))


def _record(session: Session, account_id: int, hits: list[Hit]) -> None:
    copies = _copies(session, account_id, hits)
    known = [hit for hit in hits if (hit.broadcast_id, hit.seq) in copies]
    personal = [hit for hit in known if copies[hit.broadcast_id, hit.seq].allowed]
    tallies: Counter[Tally] = Counter()
    for hit in personal:
        copy = copies[hit.broadcast_id, hit.seq]
        if hit.link is None:
            copy.opens += 1
            copy.opened_at = copy.opened_at or hit.at
            tallies[Tally(hit.broadcast_id, "opens", hour_of(hit.at))] += 1
        else:
            copy.clicks += 1
            copy.clicked_at = copy.clicked_at or hit.at
    clicks = []
    for hit in known:
        if hit.link is not None:
            seq = hit.seq if copies[hit.broadcast_id, hit.seq].allowed else None
            clicks.append(Click(hit.broadcast_id, hit.link, seq, hit.at))
            tallies[Tally(hit.broadcast_id, "clicks", hour_of(hit.at))] += 1
    _touch_recipients(session, account_id, copies, tallies)
    _touch_contacts(session, account_id, [one for one in copies.values() if one.allowed])
    add_events(session, account_id, [_happening(hit, copies) for hit in personal])
    count(session, account_id, tallies)
    count_clicks(session, account_id, clicks)


def _copies(session: Session, account_id: int, hits: Sequence[Hit]) -> dict[tuple[int, int], _Copy]:
    keys = sorted({(hit.broadcast_id, hit.seq) for hit in hits})
    rows = session.execute(
        text(
            "SELECT r.broadcast_id, r.seq, r.contact_id, d.tracking, c.tracking_consent"
            " FROM unnest(CAST(:broadcasts AS bigint[]), CAST(:seqs AS integer[]))"
            " AS k (broadcast_id, seq)"
            " JOIN recipients r ON r.broadcast_id = k.broadcast_id AND r.seq = k.seq"
            " JOIN dispatches d ON d.account_id = :account AND d.broadcast_id = k.broadcast_id"
            " LEFT JOIN contacts c ON c.account_id = :account AND c.id = r.contact_id"
            " WHERE r.account_id = :account"
        ),
        {
            "account": account_id,
            "broadcasts": [key[0] for key in keys],
            "seqs": [key[1] for key in keys],
        },
    )
    return {
        (broadcast_id, seq): _Copy(contact_id, allowed(tracking, consent))
        for broadcast_id, seq, contact_id, tracking, consent in rows
    }


def _touch_recipients(
    session: Session,
    account_id: int,
    copies: dict[tuple[int, int], _Copy],
    tallies: Counter[Tally],
) -> None:
    touched = [(key, copy) for key, copy in sorted(copies.items()) if copy.opens or copy.clicks]
    for broadcast_id, group in groupby(touched, key=lambda item: item[0][0]):
        of_broadcast = list(group)
        rows = session.execute(
            text(
                "UPDATE recipients r SET opens = r.opens + h.opens, clicks = r.clicks + h.clicks,"
                " opened_at = coalesce(r.opened_at, h.opened_at),"
                " clicked_at = coalesce(r.clicked_at, h.clicked_at)"
                " FROM unnest(CAST(:seqs AS integer[]), CAST(:opens AS integer[]),"
                " CAST(:clicks AS integer[]), CAST(:opened AS timestamptz[]),"
                " CAST(:clicked AS timestamptz[])) AS h (seq, opens, clicks, opened_at, clicked_at)"
                " WHERE r.broadcast_id = :broadcast AND r.seq = h.seq AND r.account_id = :account"
                " RETURNING h.opens > 0 AND r.opens = h.opens, h.opened_at,"
                " h.clicks > 0 AND r.clicks = h.clicks, h.clicked_at"
            ),
            {
                "account": account_id,
                "broadcast": broadcast_id,
                "seqs": [key[1] for key, _ in of_broadcast],
                "opens": [copy.opens for _, copy in of_broadcast],
                "clicks": [copy.clicks for _, copy in of_broadcast],
                "opened": [copy.opened_at for _, copy in of_broadcast],
                "clicked": [copy.clicked_at for _, copy in of_broadcast],
            },
        )
        for first_open, opened_at, first_click, clicked_at in rows:
            if first_open:
                tallies[Tally(broadcast_id, "unique_opens", hour_of(opened_at))] += 1
            if first_click:
                tallies[Tally(broadcast_id, "unique_clicks", hour_of(clicked_at))] += 1


def _touch_contacts(session: Session, account_id: int, copies: Iterable[_Copy]) -> None:
    latest: dict[int, list[datetime | None]] = {}
    for copy in copies:
        seen = latest.setdefault(copy.contact_id, [None, None])
        for n, at in enumerate((copy.opened_at, copy.clicked_at)):
            if at is not None:
                seen[n] = max(at, seen[n] or at)
    ids = sorted(contact_id for contact_id, seen in latest.items() if any(seen))
    if not ids:
        return
    session.execute(
        text(
            "UPDATE contacts c SET last_open_at = greatest(c.last_open_at, h.opened_at),"
            " last_click_at = greatest(c.last_click_at, h.clicked_at)"
            " FROM unnest(CAST(:ids AS bigint[]), CAST(:opened AS timestamptz[]),"
            " CAST(:clicked AS timestamptz[])) AS h (id, opened_at, clicked_at)"
            " WHERE c.account_id = :account AND c.id = h.id"
        ),
        {
            "account": account_id,
            "ids": ids,
            "opened": [latest[contact_id][0] for contact_id in ids],
            "clicked": [latest[contact_id][1] for contact_id in ids],
        },
    )


def _happening(hit: Hit, copies: dict[tuple[int, int], _Copy]) -> Happening:
    return Happening(
        kind="opened" if hit.link is None else "clicked",
        at=hit.at,
        contact_id=copies[hit.broadcast_id, hit.seq].contact_id,
        broadcast_id=hit.broadcast_id,
        seq=hit.seq,
        link_number=hit.link,
        detail={"agent": hit.agent} if hit.agent else {},
    )
