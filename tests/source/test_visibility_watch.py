"""The watch over the ladder: what it tells, keeps and says."""

from datetime import timedelta
from pathlib import Path

from app.core.events import EventType
from app.core.observations import Observation
from app.core.visibility import Level, Reading, Transition
from app.source.visibility_watch import ANNOUNCING, UNAVAILABLE, VisibilityWatch, last_announced, tidings
from app.store import PredictionStore, open_database
from tests.fakes import LeapingClock

LIVE = Reading(stream=True, answers=True, blocks=True)
BLOCKS = Reading(stream=False, answers=False, blocks=True, reason="the backend does not answer")


class Watch:
    """A sight whose readings the test gives."""

    def __init__(self, announced: Level = Level.LIVE) -> None:
        self.clock = LeapingClock()
        self.reading = LIVE
        self.reported: list[Observation] = []
        self.kept: list[Transition] = []
        self.visibility = VisibilityWatch(lambda: self.reading, self._emit, self._keep, self.clock, announced)

    async def sees(self, reading: Reading, seconds: int) -> "Watch":
        self.reading = reading
        for _ in range(seconds):
            self.clock.advance(1)
            await self.visibility.look()
        return self

    @property
    def events(self) -> list[tuple[EventType, dict[str, object]]]:
        happenings = [one for reported in self.reported for one in tidings(reported, self.clock.now())]
        return [(one.type, one.facts or {}) for one in happenings]

    async def _emit(self, observations: object) -> None:
        self.reported += observations  # type: ignore[operator]

    async def _keep(self, transition: Transition) -> None:
        self.kept.append(transition)


async def test_a_loss_is_told_once_with_its_reason() -> None:
    watch = await (await Watch().sees(LIVE, 1)).sees(BLOCKS, 60)

    assert watch.events == [
        (
            EventType.SOURCE_DEGRADED,
            {
                "rung": "blocks_only",
                "before": "live",
                "since": "2030-01-01T00:00:02.000Z",
                "reason": "the backend does not answer",
            },
        )
    ]


async def test_the_return_is_told_once() -> None:
    watch = await (await (await Watch().sees(LIVE, 1)).sees(BLOCKS, 60)).sees(LIVE, 60)

    assert [(kind, facts["rung"], facts["before"]) for kind, facts in watch.events] == [
        (EventType.SOURCE_DEGRADED, "blocks_only", "live"),
        (EventType.SOURCE_RECOVERED, "live", "blocks_only"),
    ]


async def test_after_a_restart_the_return_of_what_was_told_as_lost_is_told(
    tmp_path: Path,
) -> None:
    before = await (await Watch().sees(LIVE, 1)).sees(BLOCKS, 60)
    opened = await open_database(tmp_path, at=before.clock.now())
    store = PredictionStore(opened)
    await store.append([one for seen in before.reported for one in tidings(seen, before.clock.now())], ())
    stored = await store.events_since(before.clock.now() - timedelta(hours=1), ANNOUNCING)
    await opened.database.close()

    after = await Watch(last_announced(stored)).sees(LIVE, 60)

    assert [(kind, facts["rung"], facts["before"]) for kind, facts in after.events] == [
        (EventType.SOURCE_RECOVERED, "live", "blocks_only")
    ]


async def test_every_step_is_kept_for_the_history_the_first_one_too() -> None:
    watch = await (await Watch().sees(LIVE, 1)).sees(BLOCKS, 60)

    assert [one.now.level for one in watch.kept] == [Level.LIVE, Level.BLOCKS_ONLY]


async def test_after_five_minutes_without_a_mempool_the_operator_reads_what_goes_on() -> None:
    watch = await (await Watch().sees(LIVE, 1)).sees(BLOCKS, 299)
    early = watch.visibility.notices()

    (notice,) = (await watch.sees(BLOCKS, 5)).visibility.notices()

    assert early == ()
    assert notice.code == UNAVAILABLE
    assert notice.words.startswith("Mempool predictions unavailable: the backend does not answer.")
    assert "confirmed flows go on" in notice.words


async def test_the_notice_goes_by_itself() -> None:
    watch = await (await (await Watch().sees(LIVE, 1)).sees(BLOCKS, 400)).sees(LIVE, 1)

    assert watch.visibility.notices() == ()


async def test_silence_alone_is_no_loss() -> None:
    watch = await Watch().sees(LIVE, 3600)

    assert (watch.events, watch.visibility.notices()) == ([], ())
    assert watch.visibility.level()[1] == watch.clock.now() - timedelta(seconds=3599)
