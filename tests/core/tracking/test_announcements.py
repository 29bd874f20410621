"""What the tracker says that is about no whale, and what it counts."""

import pytest

from app.core.events import EventType, Happening
from app.core.models import SourceName
from app.core.observations import (
    AccuracyChanged,
    EndpointGivenUp,
    FeesRecommended,
    Gap,
    MempoolMeasured,
    Observation,
    PricesReported,
    Skipped,
    SourceConnected,
    SourceSynced,
    VisibilityChanged,
)
from app.core.questions import AskMempool
from app.core.scoring import AccuracyCause, AccuracyChange, wilson
from app.core.tracking.tracker import Tracker
from app.core.units import Sats
from app.core.visibility import Level, Transition, Visibility
from tests.builders import a_whale
from tests.core.story import THRESHOLD, WS, Story, a_whale_policy
from tests.fakes import NOON


def announced(observation: Observation) -> Happening:
    (happening,) = Tracker(a_whale_policy()).handle(observation, NOON).happenings
    assert happening.at == NOON
    return happening


def test_an_endpoint_that_was_given_up_is_announced_with_the_reason() -> None:
    found = announced(EndpointGivenUp(endpoint_id="ep_1", name="my phone", because="410 Gone"))

    assert (found.type, found.at, found.prediction) == (EventType.ENDPOINT_DISABLED, NOON, None)
    assert found.facts == {"endpoint_id": "ep_1", "name": "my phone", "because": "410 Gone"}


def a_change(*, degraded: bool) -> AccuracyChange:
    return AccuracyChange(
        degraded=degraded,
        window="24h",
        n=40,
        on_time=20 if degraded else 36,
        threshold=0.7,
        because=next(iter(AccuracyCause)) if degraded else None,
        message="fees jumped" if degraded else "back",
    )


def test_accuracy_that_fell_is_announced_with_its_figures_and_the_cause() -> None:
    found = announced(AccuracyChanged(change=a_change(degraded=True)))
    low, high = wilson(20, 40)

    assert found.type is EventType.ACCURACY_DEGRADED
    assert found.facts == {
        "window": "24h",
        "n": 40,
        "on_time": 20,
        "hit_rate": 0.5,
        "hit_rate_low": low,
        "hit_rate_high": high,
        "threshold": 0.7,
        "because": next(iter(AccuracyCause)).value,
        "words": "fees jumped",
    }
    assert low < 0.5 < high


def test_accuracy_that_is_back_is_announced_without_a_cause() -> None:
    found = announced(AccuracyChanged(change=a_change(degraded=False)))

    assert (found.type, found.facts["hit_rate"], found.facts["because"]) == (
        EventType.ACCURACY_RECOVERED,
        0.9,
        None,
    )


@pytest.mark.parametrize(
    ("observation", "reason"),
    [
        (SourceConnected(source=WS, again=True), "mempool_ws connected"),
        (Gap(source=WS, reason="12 were lost"), "12 were lost"),
    ],
)
def test_after_a_break_all_of_the_mempool_is_asked_for(observation: Observation, reason: str) -> None:
    story = Story()
    story.receive(observation)

    assert story.questions == [AskMempool(reason)]


def test_breaks_and_what_could_not_be_read_are_counted() -> None:
    story = Story()
    story.receive(
        SourceConnected(source=WS, again=False),
        SourceConnected(source=WS, again=True),
        Gap(source=WS, reason="12 were lost"),
        Skipped(source=WS, what="a transaction"),
    )
    tally = story.tracker.tally

    assert (tally.reconnects, tally.gaps, tally.skipped) == (1, 1, 1)


@pytest.mark.parametrize(
    "observation",
    [
        FeesRecommended(fastest=9.0, half_hour=8.0, hour=7.0, economy=2.0, minimum=1.0, source=WS),
        PricesReported(per_btc={"EUR": 90_000.0}, at=NOON, source=WS),
        MempoolMeasured(
            count=1,
            vbytes=140,
            usage_bytes=None,
            limit_bytes=None,
            minimum_feerate=None,
            loaded=True,
            source=SourceName.BITCOIND,
        ),
        SourceSynced(source=SourceName.BITCOIND, percent=99.0),
        VisibilityChanged(
            transition=Transition(
                before=Level.LIVE, now=Visibility(level=Level.BLIND, since=NOON), is_down=True, announced=True
            )
        ),
    ],
)
def test_what_is_about_the_market_or_a_source_changes_no_whale(observation: Observation) -> None:
    story = Story()
    story.seen(a_whale(150))
    before = story.only

    assert (story.receive(observation), story.only, story.questions) == ([], before, [])


def test_the_threshold_in_force_is_the_one_that_was_set_last() -> None:
    story = Story()
    assert story.tracker.threshold == THRESHOLD

    story.tracker.set_threshold(Sats(7))
    assert story.tracker.threshold == 7
