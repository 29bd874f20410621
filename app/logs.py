"""Structured logs on standard error: one lower-case event with fields, for people or as JSON.

Every line logged within `about(prediction_id)` has that field, by which a whale can be traced through
all parts; every line of a request has the `correlation_id` of its answer. Libraries' own logs are
output in the same format.

Tracebacks do not show local variables, which may hold keys. Every line is redacted (redaction.py), its
fields before rendering and the complete line after.
"""

import logging
import sys
from collections.abc import MutableMapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, TextIO

import structlog

from app.correlation import current_correlation_id
from app.redaction import Redactor
from app.settings import LogFormat, LogLevel

_OWN_FIELDS = frozenset({"exc_info", "stack_info", "_record", "_from_structlog"})
_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
_CHATTY = ("tornado.access", "bokeh", "panel", "websockets")


def configure(
    level: LogLevel, form: LogFormat, stream: TextIO | None = None, redactor: Redactor | None = None
) -> None:
    """Set up the process's logging; may be called again."""
    hides = redactor or Redactor()
    target = stream or sys.stderr
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _correlate,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.StackInfoRenderer(),
        partial(_hide, hides),
    ]
    renderer: list[structlog.typing.Processor] = (
        [_TRACEBACKS, structlog.processors.JSONRenderer()]
        if form is LogFormat.JSON
        else [
            structlog.dev.ConsoleRenderer(
                colors=target.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *renderer,
                lambda _logger, _method, line: hides(str(line)),
            ],
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
    """Add the prediction's id to every line logged while this context is active."""
    return structlog.contextvars.bound_contextvars(prediction_id=prediction_id)


def _correlate(
    _logger: Any,  # noqa: ANN401 - structlog's own shape
    _method: str,
    event: MutableMapping[str, Any],
) -> MutableMapping[str, Any]:
    """Add the id of the request in whose context the line is logged, if any."""
    if (found := current_correlation_id()) is not None:
        event.setdefault("correlation_id", found)
    return event


def _hide(
    hides: Redactor,
    _logger: Any,  # noqa: ANN401 - structlog's own shape
    _method: str,
    event: MutableMapping[str, Any],
) -> MutableMapping[str, Any]:
    for field, value in event.items():
        if field not in _OWN_FIELDS:
            event[field] = hides.value(value, field)
    return event
