"""The worker's broker as the `dramatiq` command wants it: `esp.entrypoints.worker:broker`."""

from __future__ import annotations

import sys
import threading
from importlib import import_module

from esp import config, lifeline, logs
from esp.entrypoints.tasks import TASKS, declare
from esp.runtime import Runtime

lifeline.watch_inherited()
settings = config.load()
logs.configure(settings, "worker")
broker = declare(Runtime.from_settings(settings))


def _warm_up() -> None:
    """Import what the first broadcast would wait for: over a second of it."""
    for task in TASKS.values():
        if task.queue == "default":
            import_module(task.module)
    import_module("premailer")
    import_module("tldextract")


if "sending" not in sys.argv:
    threading.Thread(target=_warm_up, name="warm up", daemon=True).start()
