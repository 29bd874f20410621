import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from app import logs
from app.settings import LogFormat, LogLevel


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    logs.configure(LogLevel.INFO, LogFormat.JSON, stream)
    yield stream
    structlog.reset_defaults()
    root.handlers = handlers
    root.setLevel(level)


def test_what_is_said_of_a_whale_carries_its_id(lines: io.StringIO) -> None:
    with logs.about("whale-1"):
        structlog.get_logger("app.store").info("stored", sequence=7)

    line = json.loads(lines.getvalue())
    assert (line["event"], line["prediction_id"], line["sequence"]) == ("stored", "whale-1", 7)
    assert (line["level"], line["logger"]) == ("info", "app.store")


def test_afterwards_it_is_forgotten(lines: io.StringIO) -> None:
    with logs.about("whale-1"):
        pass
    structlog.get_logger().info("idle")

    assert "prediction_id" not in json.loads(lines.getvalue())


def test_a_librarys_own_log_comes_in_the_same_shape(lines: io.StringIO) -> None:
    with logs.about("whale-1"):
        logging.getLogger("somebody").warning("it is %s", "late", extra={"ms": 5})

    line = json.loads(lines.getvalue())
    assert (line["event"], line["ms"], line["prediction_id"]) == ("it is late", 5, "whale-1")


def test_a_password_in_an_address_is_blanked(lines: io.StringIO) -> None:
    structlog.get_logger().info("asking", url="http://user:hunter2@host:8332/x")

    assert json.loads(lines.getvalue())["url"] == "http://***@host:8332/x"


def test_an_error_is_told_with_its_trace_on_one_line(lines: io.StringIO) -> None:
    try:
        int("odd")
    except ValueError:
        structlog.get_logger().exception("failed")

    assert len(lines.getvalue().splitlines()) == 1
    assert json.loads(lines.getvalue())["exception"][0]["exc_type"] == "ValueError"


def test_below_the_level_nothing_is_said(lines: io.StringIO) -> None:
    structlog.get_logger().debug("whisper")

    assert lines.getvalue() == ""


def test_on_a_console_one_reads_plain_words() -> None:
    stream, root = io.StringIO(), logging.getLogger()
    handlers, level = root.handlers, root.level
    logs.configure(LogLevel.INFO, LogFormat.CONSOLE, stream)
    structlog.get_logger().info("started", port=8411)
    structlog.reset_defaults()
    root.handlers = handlers
    root.setLevel(level)

    assert "started" in stream.getvalue()
    assert "port=8411" in stream.getvalue()
