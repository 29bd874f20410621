"""For every test: the environment's language, no deadlines, logs shown only where a test fails."""

import gc
import locale
import logging
import os
from _collections_abc import dict_values
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

LONGEST = (
    *("simulation/test_whole_engine.py", "browser/test_recovery.py", "journey/test_sources.py"),
    *("journey/", "node/", "browser/", "simulation/", "hostile/", "store/"),
)
"""Files that keep one process busy for minutes, then rooms whose tests wait for programs: few and long."""


class _Loggers(dict[str, logging.Logger | logging.PlaceHolder]):
    """All loggers, gone through as they are at that moment.

    pytest goes through them before each part of a test, while a server in another thread may import a module
    and with it make a logger: "dictionary changed size during iteration".
    """

    def values(self) -> "dict_values[str, logging.Logger | logging.PlaceHolder]":
        return self.copy().values()


def pytest_configure() -> None:
    # `make coverage` measures its workers, not what they start: a program that is killed takes its figures
    # along, and each would start in twice the time.
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
    logging.Logger.manager.loggerDict = _Loggers(logging.Logger.manager.loggerDict)
    # A machine that is busy for a moment must not fail a test: none has a limit of time for one example.
    settings.register_profile("spout", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("spout")
    # As any library in the process may do. Messages stay English, since nobody in Spout's process asks for
    # others: the store knows a full disk by the C library's words, which DuckDB repeats.
    for kind in (locale.LC_CTYPE, locale.LC_COLLATE, locale.LC_NUMERIC, locale.LC_TIME, locale.LC_MONETARY):
        locale.setlocale(kind, "")
    _log_as_the_suite_does()


def _log_as_the_suite_does() -> None:
    structlog.configure(
        processors=[structlog.stdlib.add_log_level, structlog.processors.KeyValueRenderer()],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Undo what a test did that set up the program's own logging: what that prints, a full disk refuses."""
    yield
    if not isinstance(structlog.get_config()["logger_factory"], structlog.stdlib.LoggerFactory):
        _log_as_the_suite_does()


@pytest.fixture(autouse=True, scope="module")
def others_garbage_left_alone() -> None:
    """Collections do not go through what is alive of the tests before: an hour took forty times as long."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    gc.unfreeze()  # else what is left at the end is reported as leaked


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Among several processes the longest come first: at the end no process waits for another's long test."""
    if config.getoption("loadscopereorder", True):
        return
    items.sort(key=lambda item: _turn(item.nodeid))


def _turn(nodeid: str) -> int:
    places = (place for place, name in enumerate(LONGEST) if nodeid.startswith(f"tests/{name}"))
    return next(places, len(LONGEST))
