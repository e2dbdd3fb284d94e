"""One form for all log lines: text for people, JSON for programs."""

from __future__ import annotations

import logging
import sys

from esp.config import Settings

# structlog draws tracebacks with rich where a developer's tools have brought it: 15 MB a process,
# and other logs than an installed wheel writes.
_rich = sys.modules.get("rich")
sys.modules["rich"] = None  # type: ignore[assignment]  # so that importing it fails
import structlog  # noqa: E402  # only now

if _rich is None:
    del sys.modules["rich"]
else:
    sys.modules["rich"] = _rich


def configure(settings: Settings, process: str) -> None:
    """Send the standard library's log lines through structlog, marked with the process's name."""
    shared: list[structlog.types.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
    ]
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )

    def name_process(
        _logger: object, _method: str, event: structlog.types.EventDict
    ) -> structlog.types.EventDict:
        return {**event, "process": process}

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, name_process, structlog.processors.format_exc_info],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    # aiosmtpd tells every line of every conversation.
    logging.getLogger("mail.log").setLevel(logging.WARNING)
