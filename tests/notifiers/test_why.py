"""Why an alert of a whale came or did not, event by event."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.api.models import Attempt, Delivery, DeliveryStatus, EndpointChange, EndpointKind
from app.core.contract import iso
from app.core.events import EventType
from notifiers import why
from notifiers.directory import Stored
from tests.core.alerts.builders import BEGINNING, an_event
from tests.fakes import NOON, FakeClock
from tests.notifiers.builders import a_webhook
from tests.notifiers.lives import whale
from tests.notifiers.receivers import receiving
from tests.notifiers.stage import staged
from tests.notifiers.test_rules import pass_time
from tests.store.builders import a_prediction

LIFE = [EventType.DETECTED, EventType.REPLACED, EventType.CONFIRMED]
LARGE = {"rules": {"min_moved_btc": 1_000}}
Change = dict[str, Any] | None


def a_delivery(number: int, became: str) -> Delivery:
    """`became`: sent, waiting, or what held it back; it is sent two minutes after its event."""
    status = {"sent": DeliveryStatus.DELIVERED, "waiting": DeliveryStatus.WAITING}.get(became)
    at = BEGINNING + timedelta(minutes=number + 2)
    attempt = Attempt(at=at, status_code=200, ms=5.0, error=None, answer=None)
    return Delivery(
        id=f"dlv_{number}",
        endpoint_id="ep_1",
        event_id=f"evt_{number}",
        event_type=LIFE[number],
        sequence=number,
        status=status or DeliveryStatus.DROPPED,
        because=None if status else became,
        next_attempt_at=None,
        attempts=[attempt] if became == "sent" else [],
    )


def said(
    settings: dict[str, Any], became: Sequence[str | None], *, added: float = -1, **more: Any
) -> tuple[str | None, str]:
    """What is said of a whale's life; `became`: of each event, None: nothing was kept; `added` in minutes."""
    events = [an_event(number, type_, sequence=number) for number, type_ in enumerate(LIFE)]
    stored = Stored(
        id="ep_1",
        name="phone",
        kind=EndpointKind.WEBHOOK,
        settings=settings,
        enabled=more.get("enabled", True),
        disabled_because=None,
        created_at=iso(BEGINNING + timedelta(minutes=added)),
        target=a_webhook("http://127.0.0.1:1/"),
    )
    deliveries = [a_delivery(number, one) for number, one in enumerate(became) if one is not None]
    now = BEGINNING + more.get("after", timedelta(hours=1))
    found = why.answer(a_prediction(1), events, [stored], deliveries, zone=ZoneInfo("Europe/Berlin"), now=now)
    return found.endpoints[0].because, found.endpoints[0].words


@pytest.mark.parametrize(
    ("became", "because", "words"),
    [
        (["rule"] * 3, "rule", "too little moved for its rules"),
        (["sent"] * 3, None, "sent 2026-10-24 14:02, the last 2026-10-24 14:04"),
        (["sent", "one_thread", "sent"], None, "detected: sent 2026-10-24 14:02; replaced: the whale's one "
         "message had been sent; confirmed: sent 2026-10-24 14:04"),
        (["muted", "quiet", "waiting"], None, "detected: it was muted; replaced: it fell into quiet hours; "
         "confirmed: on its way"),
        (["sent", "budget", "budget"], "budget", "detected: sent 2026-10-24 14:02; replaced, confirmed: the "
         "budget of that hour was spent"),
        (["rule", None, "sent"], None, "detected: too little moved for its rules; replaced: the endpoint was "
         "disabled then; confirmed: sent 2026-10-24 14:04"),
    ],
)  # fmt: skip
def test_each_event_of_a_whale_has_its_own_reason(
    became: Sequence[str | None], because: str | None, words: str
) -> None:
    assert said(LARGE, became) == (because, words)


def test_a_rule_of_then_is_not_blamed_on_one_of_now() -> None:
    assert said({}, ["rule"] * 3)[1] == "its rules of then held it back; they were changed since"


def test_a_disabled_endpoint_says_so_of_what_it_missed() -> None:
    words = said(LARGE, ["rule", None, None], enabled=False)[1]

    assert words.endswith("replaced, confirmed: the endpoint is disabled: by you")


def test_what_came_before_the_endpoint_is_told_apart() -> None:
    words = said({}, [None, "sent", "sent"], added=0.5)[1]

    assert words.startswith("detected: the endpoint was added later; replaced, confirmed: sent")


def test_what_is_too_old_to_be_known_is_not_guessed() -> None:
    because, words = said(LARGE, [None] * 3, after=timedelta(days=40))

    assert (because, words) == ("old", "nothing was kept of it: alerts are kept for 30 days")


@pytest.mark.parametrize(
    ("settings", "changes", "words"),
    [
        (
            {"rules": {"confirmed_only": True, "min_moved_btc": 1_000}},
            (None, None, None),
            "detected, replaced: its rules ask for confirmed ones only; "
            "confirmed: too little moved for its rules",
        ),
        (
            {"muted_until": (NOON + timedelta(hours=2)).isoformat()},
            (None, {"muted_until": None}, {"rules": {"types": ["whale.dropped"]}}),
            "detected: it was muted; replaced: sent 2026-11-22 12:00; "
            "confirmed: its rules ask for other events",
        ),
    ],
)
async def test_the_story_of_a_whale_is_that_of_the_store(
    tmp_path: Path, settings: dict[str, Any], changes: Sequence[Change], words: str
) -> None:
    with receiving() as receiver:
        async with staged(tmp_path, clock=FakeClock()) as stage:
            made = await stage.add(receiver.url(), **settings)
            for version, (type_, change) in enumerate(zip(LIFE, changes, strict=True), 1):
                if change is not None:
                    await stage.alerts.change(made.id, EndpointChange.model_validate(change))
                event = await whale(stage, 1, type_, version=version)
            await pass_time(stage, 1)
            found = await stage.alerts.why(str(event.prediction_id))

    assert found is not None
    assert found.endpoints[0].words == words
