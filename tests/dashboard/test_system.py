import logging
from dataclasses import replace
from datetime import datetime, timedelta

from app.core.visibility import Visibility
from app.views import ComponentStatus, Level, LiveSnapshot
from dashboard.feed.samples import SystemMemory
from dashboard.feed.system import DRAWN_SAMPLES, SystemRenderer, series
from dashboard.format import LEVEL_WORDS, millis
from dashboard.log_tail import KEPT_LINES, LogTail
from tests.browser.sea import Sea, a_whale

REPORTED = (Level.BLIND, Level.LIVE, Level.POLLING)


def test_a_loss_and_a_recovery_are_both_written_down_newest_first() -> None:
    sea = Sea()
    memory = SystemMemory(sea.live)
    memory.see(sea.snapshot)
    first, *others = sea.snapshot.components
    sea.show(components=(replace(first, status=ComponentStatus.FAILED, error="refused"), *others))
    memory.see(sea.snapshot)
    sea.show(components=(first, *others))
    memory.see(sea.snapshot)

    assert [(one.after, one.better) for one in memory.changes] == [("ok", True), ("failed", False)]
    assert memory.changes[1].why == "refused"


def test_a_level_lost_is_worse_and_one_won_is_better() -> None:
    sea = Sea()
    memory = SystemMemory(sea.live)
    memory.see(sea.snapshot)
    for level in (Level.BLOCKS_ONLY, Level.LIVE):
        sea.show(level=level)
        memory.see(sea.snapshot)

    assert [one.better for one in memory.changes] == [True, False]


async def test_a_loss_before_the_restart_is_still_told_behind_what_came_since() -> None:
    sea = Sea()
    started = sea.snapshot.started_at
    kept = [
        Visibility(since=started - timedelta(hours=3), level=Level.LIVE),
        Visibility(since=started - timedelta(hours=2), level=Level.POLLING, reason="the stream ended"),
        Visibility(since=started - timedelta(hours=1), level=Level.LIVE),
    ]

    async def between(start: datetime, end: datetime) -> list[Visibility]:
        return [one for one in kept if start <= one.since < end]

    memory = SystemMemory(sea.live, between)
    memory.see(sea.snapshot)
    sea.show(level=Level.BLIND)
    memory.see(sea.snapshot)
    await memory.recall()

    assert [one.after for one in memory.changes] == [LEVEL_WORDS[one].lower() for one in REPORTED]
    assert memory.changes[2].why == "the stream ended"


def test_the_rate_is_what_was_counted_between_two_samples() -> None:
    sea = Sea()
    memory = SystemMemory(sea.live)
    memory.sample(sea.snapshot, sea.now)
    counted = sea.snapshot.counters
    sea.show(counters=replace(counted, transactions=counted.transactions + 500))
    memory.sample(sea.snapshot, sea.now + timedelta(seconds=10))

    assert [one.rate for one in memory.samples] == [None, 50.0]


def test_a_long_series_is_thinned_and_keeps_its_newest() -> None:
    memory = SystemMemory(LiveSnapshot(Sea().snapshot))
    sea = Sea()
    for step in range(2_000):
        sea.show(rss_mb=float(step))
        memory.sample(sea.snapshot, sea.now + timedelta(seconds=step))
    drawn = series(memory.samples, 500)

    assert len(drawn["rss"]) <= DRAWN_SAMPLES
    assert drawn["rss"][-1] == 1_999.0


def test_what_nobody_measured_is_said_and_not_zero() -> None:
    sea = Sea()
    sea.show(rss_mb=None, loop_lag_ms=None)
    memory = SystemMemory(sea.live)
    memory.sample(sea.snapshot, sea.now)
    drawn = series(memory.samples, 500)

    assert drawn["rss"] == [None]
    assert drawn["words"]["rss"] == "Nobody has measured the memory yet."
    assert drawn["words"]["lag"] == "Not measured yet."


def test_the_source_that_saw_a_whale_first_has_the_lead() -> None:
    sea = Sea()
    sea.appear(a_whale("a", 200, sea.now), a_whale("b", 200, sea.now))
    parts = SystemRenderer("x", SystemMemory(sea.live), None)(sea.snapshot).parts
    lines = {line["name"]: line["first"] for line in parts["components"]["lines"]}

    assert lines["Mempool feed"] == [2, 2]
    assert lines["bitcoind"] == [0, 2]
    assert lines["Database"] is None


def test_a_structured_line_is_kept_with_its_fields_and_without_credentials() -> None:
    tail = LogTail()
    fields = {"event": "asking", "url": "http://user:secret@host:8332", "level": "info"}
    tail.emit(logging.LogRecord("app", logging.INFO, "", 0, fields, None, None))

    assert tail.lines()[0].words == "asking url=http://***@host:8332"


def test_the_log_is_bounded_and_newest_first() -> None:
    tail = LogTail()
    for n in range(KEPT_LINES + 5):
        tail.emit(logging.LogRecord("app", logging.INFO, "", 0, "line %d", (n,), None))

    assert len(tail.lines()) == KEPT_LINES
    assert tail.lines()[0].words == f"line {KEPT_LINES + 4}"


def test_every_host_that_was_called_is_shown_and_none_before() -> None:
    sea = Sea()
    called = [("ntfy.example", "alerts", sea.now)]
    none = SystemRenderer("x", SystemMemory(sea.live), None)(sea.snapshot)
    one = SystemRenderer("x", SystemMemory(sea.live), None, lambda: called)(sea.snapshot)

    assert none.parts["hosts"] == {"lines": []}
    assert one.parts["hosts"] == {"lines": [["ntfy.example", "alerts", millis(sea.now)]]}
