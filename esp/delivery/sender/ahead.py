"""Filling a few copies at a time, while the processor has the code and the message at hand.

Between two messages stands a system call, after which the next copy costs half as much again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice

from esp.delivery.load import Ready
from esp.delivery.sender.lanes import Share
from esp.delivery.smtp.envelope import Envelope

_AHEAD = 8
# A lane slower than this fills each copy in its time: the Date in it is that moment.
_SOON = timedelta(seconds=0.1)
_STALE = timedelta(seconds=2)


def copy_for(lane: object, share: Share, ready: Ready, now: datetime) -> Envelope:
    """The recipient's envelope, with the key (lane, work, recipient); FillError if there is none.

    Copies of those who wait behind are made with it, and go with them should they be dropped.
    """
    prepared, ready.prepared = ready.prepared, None
    if prepared is not None and now - prepared[1] < _STALE:
        return prepared[0]
    work = share.work
    message = work.message
    if share.filled_at is not None and now - share.filled_at < _SOON:
        for other in islice(share.waiting, _AHEAD):
            try:
                other.prepared = (message.envelope((lane, work, other), other, now), now)
            except Exception:  # whatever it is, it is told when their turn comes
                break
    share.filled_at = now
    return message.envelope((lane, work, ready), ready, now)
