"""What a quarter of 400,000 whales answers over HTTP, and how quickly, while whales go on coming.

Each question is asked once before it counts: the first after a start adds up days that are then remembered.
"""

import asyncio
import http.client
import random
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from app.api.limits import Limiter
from app.bus import Bus
from app.core.access import Scope
from app.core.events import EventType
from app.keyring import Keyring
from app.metrics import Metrics
from app.server import Server
from app.settings import read_settings
from app.store import AccountStore, PredictionStore, open_database
from app.views import LiveSnapshot, Snapshot
from tests.api.fakes import DictKeys
from tests.bench import quarter
from tests.bench.rows import BenchRow, at_most, shown
from tests.store.builders import detected, reported

ROUNDS: Final = 40
"""Every question is asked so often: of fewer than 20 answers the slowest would be called their p95."""
A_SECOND: Final = 50
"""Whales that come meanwhile."""
EVERY_SECONDS: Final = 0.1
MOST_MS, MOST_LAG_MS = 100.0, 20.0
_MIDDLE: Final = (quarter.END - timedelta(days=45)).strftime("%Y-%m-%dT%H:%M:%SZ")
_LATELY: Final = (quarter.END - timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
QUESTIONS: Final = {
    "predictions": (
        "",
        "?status=dropped",
        "?flow_type=inflow&min_btc_value=500",
        "?entity=Kraken",
        "?min_urgency=high",
        f"?start_date={_MIDDLE}",
        f"?as_of={_MIDDLE}",
        f"?as_of={_LATELY}",
        f"?as_of={_MIDDLE}&status=pending",
        "?sort=-moved_sat",
        "?sort=urgency",
        f"?txid={'ab' * 32}",
        "?address=bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    ),
    "statistics": tuple(f"?period={period}" for period in ("daily", "weekly", "monthly", "quarterly")),
    "correlation": tuple(f"?days={days}" for days in (1, 7, 30, 90)),
}


async def measured() -> list[BenchRow]:
    with tempfile.TemporaryDirectory() as room:
        directory = Path(room)
        await quarter.make(directory)
        opened = await open_database(directory, at=quarter.END)
        store = PredictionStore(opened)
        accounts = AccountStore(opened.database, store.touched)
        lags: list[float] = []
        async with _served(store, accounts, directory) as port, _beside(_lag(lags)):
            await asyncio.to_thread(_asked, port, 1)
            lags.clear()
            ingest = _Ingest(store)
            async with _beside(ingest.run()):
                took = await asyncio.to_thread(_asked, port, ROUNDS)
        await opened.database.close()
    return [
        *(
            at_most(f"history.{name}_p95_ms", max(_p95(ms) for ms in by_question.values()), MOST_MS, "ms")
            for name, by_question in took.items()
        ),
        at_most("history.loop_lag_p99_ms", sorted(lags)[int(len(lags) * 0.99)] * 1_000, MOST_LAG_MS, "ms"),
        shown("history.ingest_meanwhile_a_s", ingest.rate, "whales/s"),
        *(
            shown(f"history.question.{name}{question}", _p95(ms), "ms p95")
            for name, by_question in took.items()
            for question, ms in by_question.items()
        ),
    ]


class _Ingest:
    """Whales are detected at a steady rate, and confirmed a while later."""

    def __init__(self, store: PredictionStore) -> None:
        self._store = store
        self._chance = random.Random(5)
        self._number = 10_000_000
        self._began = time.perf_counter()
        self._came = 0

    @property
    def rate(self) -> float:
        return self._came / (time.perf_counter() - self._began)

    async def run(self) -> None:
        waiting = []
        while True:
            due = (time.perf_counter() - self._began) * A_SECOND
            fresh = []
            while self._came < due:
                self._came += 1
                self._number += 1
                fresh.append(quarter.a_whale(self._number, self._chance, quarter.END))
            waiting += fresh
            ready, waiting = waiting[:-500], waiting[-500:]
            ended = [quarter.confirmed(one, 1) for one in ready]
            happenings = [
                *(detected(one) for one in fresh),
                *(reported(EventType.CONFIRMED, one) for one in ended),
            ]
            await self._store.append(happenings, [*fresh, *ended])
            await asyncio.sleep(EVERY_SECONDS)


class _AtTheEnd:
    """The quarter has just ended, and time goes on from there."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def now(self) -> datetime:
        return quarter.END + timedelta(seconds=time.monotonic() - self._began)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def _asked(port: int, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Ask each question in turn over one connection; milliseconds to the last byte."""
    took = {name: {one: list[float]() for one in questions} for name, questions in QUESTIONS.items()}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for _ in range(rounds):
        for name, questions in QUESTIONS.items():
            for question in questions:
                began = time.perf_counter()
                connection.request("GET", f"/api/v1/{name}{question}", headers={"X-API-Key": "reader"})
                answer = connection.getresponse()
                body = answer.read()
                took[name][question].append((time.perf_counter() - began) * 1_000)
                if answer.status != 200:
                    raise RuntimeError(f"{name}{question}: {answer.status} {body[:200]!r}")
    connection.close()
    return took


@asynccontextmanager
async def _served(store: PredictionStore, accounts: AccountStore, directory: Path) -> AsyncIterator[int]:
    settings = read_settings({"SPOUT_PORT": "0", "SPOUT_DATA_DIR": str(directory)})
    clock = _AtTheEnd()
    live = LiveSnapshot(Snapshot(version=0, made_at=quarter.END, started_at=quarter.END))
    server = Server(settings, Keyring(b"a secret of the bench, long enough"), clock)
    server.listen()
    await server.mount_api(live=live, bus=Bus(), metrics=Metrics(), limiter=Limiter())
    server.attach(store, DictKeys(reader=Scope.READ), accounts=accounts)
    try:
        yield server.port
    finally:
        await server.close()


@asynccontextmanager
async def _beside(work: object) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work)  # type: ignore[call-overload]
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _lag(lags: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.005)
        lags.append(time.perf_counter() - began - 0.005)


def _p95(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.95))]
