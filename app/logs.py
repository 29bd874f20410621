"""Structured logs on standard error: one lower-case event with fields, for people or as JSON.

Whatever is logged while `about(prediction_id)` is in force carries it: a whale's life can be
followed through the parts by that one field. Libraries' own logs come out in the same shape.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from contextlib import AbstractContextManager
from typing import Any, TextIO

import structlog

from app.settings import LogFormat, LogLevel

_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_CHATTY = ("tornado.access", "bokeh", "panel", "websockets", "httpx", "httpcore")


def configure(level: LogLevel, form: LogFormat, stream: TextIO | None = None) -> None:
    """Set up the process's logging; may be called again."""
    target = stream or sys.stderr
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.StackInfoRenderer(),
        hide_credentials,
    ]
    renderer: list[structlog.typing.Processor] = (
        [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
        if form is LogFormat.JSON
        else [structlog.dev.ConsoleRenderer(colors=target.isatty())]
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.value.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def about(prediction_id: str) -> AbstractContextManager[None]:
    """While this is entered, every line says which whale it is about."""
    return structlog.contextvars.bound_contextvars(prediction_id=prediction_id)


def hide_credentials(
    _logger: Any,  # noqa: ANN401 - structlog's own shape
    _method: str,
    event: MutableMapping[str, Any],
) -> MutableMapping[str, Any]:
    """Blank `user:password@` in every text that is logged."""
    for field, value in event.items():
        if isinstance(value, str) and "://" in value:
            event[field] = _CREDENTIALS.sub("***", value)
    return event
