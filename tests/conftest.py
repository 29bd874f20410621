"""For every test: the environment's language, no deadlines, logs shown only where a test fails."""

import locale
import logging

import structlog
from hypothesis import HealthCheck, settings


def pytest_configure() -> None:
    # A machine that is busy for a moment must not fail a test: none has a limit of time for one example.
    settings.register_profile("spout", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("spout")
    # As any library in the process may do. Messages stay English, since nobody in Spout's process asks for
    # others: the store knows a full disk by the C library's words, which DuckDB repeats.
    for kind in (locale.LC_CTYPE, locale.LC_COLLATE, locale.LC_NUMERIC, locale.LC_TIME, locale.LC_MONETARY):
        locale.setlocale(kind, "")
    structlog.configure(
        processors=[structlog.stdlib.add_log_level, structlog.processors.KeyValueRenderer()],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
