"""A day of the whole engine in simulated time: its figures are those that the driver's own book gives.

Whales come, are replaced, mined, dropped and found in blocks; the program is stopped and started again in
between. What happened is written down by who makes it happen; only its forecasts are read from the program.
"""

import asyncio
import os
import random
import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from app.api.accuracy import figures_shape
from app.core.prediction import HORIZONS, Forecast, Prediction
from app.core.scoring import Figures, Period
from tests.backend.server import Backend
from tests.backend.transactions import BTC, Built, Pay, a_coin, a_transaction, bumped
from tests.backend.world import World
from tests.core.scoring import naive
from tests.core.scoring.test_figures import about, check_equal
from tests.fakes import NOON
from tests.simulation.life import Life, template
from tests.simulation.misfortunes import PORT
from tests.simulation.receiver_in_memory import ReceiverInMemory
from tests.simulation.test_whole_engine import MEMORY, end
from tests.simulation.virtual import LoopClock, VirtualLoop

WHOLE = bool(os.environ.get("SPOUT_SOAK"))
HOURS = 24 if WHOLE else 0.5
"""In `make test` half an hour, in which eight times as much happens."""
QUARTERS = 4
WHALES_AN_HOUR, BLOCKS_AN_HOUR = (20.0, 6.0) if WHOLE else (160.0, 48.0)
SETTLES_SECONDS = 30.0
SCORED_WITHIN_SECONDS = 60.0
KEPT_TO = 1e-3
"""The accounts keep probabilities rounded."""


@dataclass
class Version:
    txid: str
    at: float
    height: int
    replaced_height: int | None = None


@dataclass
class Entry:
    """What the driver did with one whale."""

    versions: list[Version]
    end: str = "waiting"
    confirmed_height: int | None = None
    in_block: bool = False
    built: list[Built] = field(default_factory=list)


class Day:
    def __init__(self, room: Path, loop: VirtualLoop, seed: int) -> None:
        self.room, self.loop, self.chance, self.clock = room, loop, random.Random(seed), LoopClock(loop)
        self.world = World(clock=lambda: self.clock.now().timestamp())
        self.backend = Backend(self.world, port=PORT)
        self.book: list[Entry] = []
        self.checked: list[int] = []

    async def run(self, receiver: ReceiverInMemory) -> None:
        receiver.begin(self.loop)
        shutil.copytree(await template(receiver, self.room.parent.parent), self.room)
        await self.backend.listen()
        life = await self._begin()
        for quarter in range(QUARTERS):
            await self._pass((quarter + 1) * HOURS * 3_600 / QUARTERS - SETTLES_SECONDS)
            await asyncio.sleep(SETTLES_SECONDS)
            await self._check(life)
            if quarter < QUARTERS - 1:
                await life.stop()
                life = await self._begin()
        await life.stop()

    async def _begin(self) -> Life:
        life = await Life.begin(
            self.room, self.clock, {"SPOUT_MEMPOOL_URL": self.backend.url}, self.chance.random
        )
        await asyncio.sleep(SETTLES_SECONDS)
        return life

    async def _pass(self, until: float) -> None:
        """Let things happen until that second, each a while after the one before."""
        rate = (WHALES_AN_HOUR + BLOCKS_AN_HOUR) / 3_600
        while True:
            wait = self.chance.expovariate(rate)
            if self.loop.time() + wait >= until:
                await asyncio.sleep(until - self.loop.time())
                return
            await asyncio.sleep(wait)
            if self.chance.random() < BLOCKS_AN_HOUR / (WHALES_AN_HOUR + BLOCKS_AN_HOUR):
                self._mine()
            else:
                self._something()

    def _something(self) -> None:
        waiting = [one for one in self.book if one.end == "waiting"]
        what = self.chance.random()
        if what < 0.7 or not waiting:
            self.world.add(tx := self._whale())
            self.book.append(Entry([self._version(tx)], built=[tx]))
        elif what < 0.92:
            whale = self.chance.choice(waiting)
            self.world.add(tx := bumped(whale.built[-1], 5_000))
            whale.versions[-1].replaced_height = self.world.tip.height
            whale.versions.append(self._version(tx))
            whale.built.append(tx)
        else:
            whale = self.chance.choice(waiting)
            self.world.drop(whale.built[-1])
            whale.end = "dropped"

    def _mine(self) -> None:
        waiting = [one for one in self.book if one.end == "waiting"]
        taken = [one for one in waiting if self.chance.random() < 0.6]
        unseen = [self._whale()] if self.chance.random() < 0.2 else []
        self.world.mine([one.built[-1] for one in taken], unannounced=unseen)
        for one in taken:
            one.end, one.confirmed_height = "confirmed", self.world.tip.height
        for tx in unseen:
            version, height = self._version(tx), self.world.tip.height
            self.book.append(
                Entry([version], end="confirmed", confirmed_height=height, in_block=True, built=[tx])
            )

    def _whale(self) -> Built:
        number = len(self.book)
        fee = self.chance.choice((300, 1_500, 6_000))
        coin = a_coin(200 * BTC + fee, "whale", seed=f"day {number}")
        return a_transaction([coin], [Pay(150 * BTC, f"bob {number}"), Pay(50 * BTC, f"change {number}")])

    def _version(self, tx: Built) -> Version:
        return Version(tx.txid, self.loop.time(), self.world.tip.height)

    async def _check(self, life: Life) -> None:
        lives = [self._life(one, await life.engine.store.one(one.built[-1].txid)) for one in self.book]
        tip, now = self.world.tip.height, self.clock.now()
        whole = await life.engine.accounts.correlation(NOON - timedelta(days=1), now)
        (quarter,) = await life.engine.accounts.statistics(Period.QUARTERLY, NOON - timedelta(days=1), now)
        for figures in (whole.figures, quarter.figures):
            check_equal(figures, lives, tip, rounding=KEPT_TO)
        check_said(whole.figures, naive.figures(lives, tip))
        self.checked.append(whole.figures.n)

    def _life(self, entry: Entry, whale: Prediction | None) -> naive.Life:
        """The driver's book, with what the program forecast of each transaction."""
        assert whale is not None, f"{entry.versions[-1].txid} was missed"
        openings: dict[str, Forecast] = {}
        for forecast in whale.forecasts:
            openings.setdefault(forecast.txid, forecast)
        return naive.Life(
            versions=[self._forecast(one, openings.get(one.txid)) for one in entry.versions],
            end=entry.end,
            confirmed_height=entry.confirmed_height,
            lead=None if entry.in_block else whale.lead_time_seconds,
            in_block=entry.in_block,
        )

    def _forecast(self, version: Version, forecast: Forecast | None) -> naive.Version:
        if forecast is None:
            return naive.Version(version.height, replaced_height=version.replaced_height)
        made = (forecast.made_at - NOON).total_seconds()
        return naive.Version(
            version.height,
            forecast_at=forecast.at_height,
            late_forecast=made - version.at >= SCORED_WITHIN_SECONDS,
            predicted=forecast.predicted_block,
            p=dict(zip(HORIZONS, forecast.probabilities, strict=True)),
            projected=forecast.projected_block,
            replaced_height=version.replaced_height,
        )


def check_said(figures: Figures, expected: dict[str, object]) -> None:
    """The API says the same."""
    body = figures_shape(figures).body()
    for name in ("n", "on_time", "late", "dropped", "replaced", "censored", "false_negatives"):
        assert body[name] == expected[name], name
    assert body["hit_rate"] == about(expected["hit_rate"], KEPT_TO)
    assert body["brier"] == about(expected["brier"], KEPT_TO)


@pytest.mark.soak
@pytest.mark.slow
@pytest.mark.timeout(3_600 if WHOLE else 300)
def test_the_figures_of_a_day_are_those_of_the_drivers_book_four_times(receiver: ReceiverInMemory) -> None:
    loop = VirtualLoop(threads=True)
    asyncio.set_event_loop(loop)
    room = Path(tempfile.mkdtemp(prefix="spout-day-", dir=MEMORY if MEMORY.is_dir() else None))
    day = Day(room / "life", loop, seed=24)
    try:
        loop.run_until_complete(day.run(receiver))
    finally:
        end(loop)
        shutil.rmtree(room)

    print(f"{HOURS} h: {len(day.book)} whales, n at each quarter {day.checked}")
    assert len(day.checked) == QUARTERS
    assert day.checked[-1] >= 20
