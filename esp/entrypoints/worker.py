"""The worker's broker as the `dramatiq` command wants it: `esp.entrypoints.worker:broker`."""

from __future__ import annotations

from esp import config, lifeline, logs
from esp.entrypoints.tasks import declare
from esp.runtime import Runtime

lifeline.watch_inherited()
settings = config.load()
logs.configure(settings, "worker")
broker = declare(Runtime.from_settings(settings))
