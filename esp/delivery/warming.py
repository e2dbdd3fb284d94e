"""How far a pool's warm-up at a provider has come, and what its days came to."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from esp.delivery.pacing import warm_up
from esp.delivery.pacing.key import Key, of_key
from esp.delivery.pacing.warm_up import Day, WarmUp

_JUDGED = text(
    of_key("""
    UPDATE paces SET warm_up_judged_days = :judged, warm_up_held_days = :held
    WHERE OF_KEY AND warm_up_judged_days = :old AND warm_up_started_at = :started
""")
)
_DAY = text(
    of_key("""
    SELECT coalesce(sum(sent), 0), coalesce(sum(deferred), 0), coalesce(sum(failed), 0)
    FROM delivery_minutes WHERE OF_KEY AND minute >= :began AND minute < :over
""")
)
_COMPLAINED = text("""
    SELECT count(*) FROM late_outcomes l JOIN recipients r
    ON r.broadcast_id = l.broadcast_id AND r.seq = l.seq AND r.account_id = :account
    WHERE l.account_id = :account AND l.at >= :began AND l.at < :over
    AND l.kind = 'complained' AND r.provider_id = :provider
""")


def warm_rate(session: Session, key: Key, known: WarmUp, now: datetime) -> float | None:
    """Messages a minute that the curve leaves: 0 when today's are sent, None when it is over.

    Judges the days that are over and were not judged yet.
    """
    warm = warm_up.judged(known, now, lambda began: day(session, key, began))
    if warm != known:
        session.execute(
            _JUDGED,
            key.values
            | {
                "judged": warm.judged_days,
                "held": warm.held_days,
                "old": known.judged_days,
                "started": known.started_at,
            },
        )
    if warm_up.allowance(warm) is None:
        return None
    return warm_up.rate(warm, day(session, key, warm_up.day_began(warm, now)).sent)


def day(session: Session, key: Key, began: datetime) -> Day:
    """What the 24 hours from `began` came to.

    Complaints are those of all mail of the account to the provider: its receivers don't ask by
    which pool it came.
    """
    values = key.values | {"began": began, "over": began + warm_up.DAY}
    sent, deferred, failed = session.execute(_DAY, values).one()
    complained = session.scalar(_COMPLAINED, values)
    return Day(int(sent), int(deferred), int(failed), int(complained or 0))
