"""What the workers run, and how doors wake them: work is in the database, a message says `look`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import (
    AgeLimit,
    Callbacks,
    Middleware,
    Retries,
    ShutdownNotifications,
    TimeLimit,
)

from esp.runtime import Runtime

log = logging.getLogger(__name__)

Run = Callable[[Runtime, int], None]


@dataclass(frozen=True)
class Task:
    """A kind of work: `module` has `run(runtime, account_id)`, harmless when run twice at once."""

    name: str
    module: str
    queue: str = "default"
    time_limit_minutes: int = 60


TASKS = {
    task.name: task
    for task in (
        Task("send", "esp.entrypoints.tasks.send", queue="sending", time_limit_minutes=24 * 60),
        Task("imports", "esp.entrypoints.tasks.imports"),
        Task("broadcasts", "esp.entrypoints.tasks.broadcasts"),
        Task("receivers", "esp.entrypoints.tasks.receivers"),
        Task("inbound", "esp.entrypoints.tasks.inbound"),
        Task("domains", "esp.entrypoints.tasks.domains"),
    )
}


@lru_cache(maxsize=8)
def broker_of(runtime: Runtime) -> RedisBroker:
    """The process's broker. A lost message is found again by the ticker, so retries are few."""
    return RedisBroker(  # type: ignore[no-untyped-call]  # dramatiq types its parts in part
        client=redis.Redis.from_url(
            runtime.settings.redis_url, socket_timeout=10, socket_connect_timeout=2
        ),
        middleware=[
            AgeLimit(),
            TimeLimit(),
            ShutdownNotifications(),
            Callbacks(),
            Retries(max_retries=2, min_backoff=1_000, max_backoff=30_000),
        ],
    )


class StopSending(Middleware):
    """Lets a sending worker finish its open replies before it goes."""

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        from esp.entrypoints.tasks import send

        send.stopping.set()

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        from esp.entrypoints.tasks import send

        send.finish()


def declare(runtime: Runtime) -> RedisBroker:
    """Make the actors known, in a worker's process."""
    broker = broker_of(runtime)
    broker.add_middleware(StopSending())
    dramatiq.set_broker(broker)
    for task in TASKS.values():
        decorate = dramatiq.actor(
            actor_name=task.name,
            queue_name=task.queue,
            broker=broker,
            time_limit=task.time_limit_minutes * 60_000,
            max_age=600_000,
        )
        decorate(_runner(runtime, task))
    return broker


def _runner(runtime: Runtime, task: Task) -> Callable[[int], None]:
    def run(account_id: int) -> None:
        # Imported at first use: a sending process need not load the spreadsheet reader.
        from importlib import import_module

        import_module(task.module).run(runtime, account_id)

    return run


def wake(runtime: Runtime, name: str, account_id: int = 0) -> None:
    """Tell a worker to look, after the commit; with Valkey down the ticker finds the work later."""
    task = TASKS[name]
    try:
        broker_of(runtime).enqueue(
            dramatiq.Message(
                queue_name=task.queue,
                actor_name=task.name,
                args=(account_id,),
                kwargs={},
                options={},
            )
        )
    except (redis.RedisError, dramatiq.errors.ConnectionError) as error:
        log.warning("Valkey did not take the wake-up call for %s: %s", name, error)
