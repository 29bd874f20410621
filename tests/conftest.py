"""For every test: logs go through the standard library, so that pytest shows them only where a test fails."""

import logging

import structlog


def pytest_configure() -> None:
    structlog.configure(
        processors=[structlog.stdlib.add_log_level, structlog.processors.KeyValueRenderer()],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
