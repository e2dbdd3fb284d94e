"""How often a key may be used."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)

PER_MINUTE = 1_200
# While Valkey is away nobody waits for it at every request.
_LEFT_ALONE = timedelta(seconds=10)


class Rates:
    """Counts in Valkey, minute by minute; without it nothing is counted."""

    def __init__(self, url: str, per_minute: int = PER_MINUTE) -> None:
        self.per_minute = per_minute
        self._redis = redis.Redis.from_url(
            url, socket_timeout=0.5, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 0)
        )
        self._away_until: datetime | None = None

    def wait(self, key_id: int, now: datetime) -> int:
        """Count one use; 0, or the seconds until the key may be used again."""
        if self._away_until is not None and now < self._away_until:
            return 0
        second = int(now.timestamp())
        name = f"esp-api:{key_id}:{second // 60}"
        try:
            with self._redis.pipeline() as pipeline:
                pipeline.incr(name)
                pipeline.expire(name, 120)
                used, _ = pipeline.execute()
        except redis.RedisError as error:
            log.warning("Valkey does not count the uses of keys: %s", error)
            self._away_until = now + _LEFT_ALONE
            return 0
        self._away_until = None
        return 60 - second % 60 if used > self.per_minute else 0
