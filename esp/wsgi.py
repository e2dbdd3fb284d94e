"""The web application as any WSGI server wants it: `esp.wsgi:application`."""

from __future__ import annotations

import logging

from esp import config, lifeline, logs
from esp.app import create_app
from esp.runtime import Runtime

lifeline.watch_inherited()
settings = config.load()
logs.configure(settings, "web")
lifeline.wait_for_gate(logging.getLogger(__name__).warning)
application = create_app(Runtime.from_settings(settings))
