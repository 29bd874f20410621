"""Which status may follow which, and what of a prediction each step changes: that and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.core.classification import Flag, Flow
from app.core.flow.classifier import classify
from app.core.flow.entities import Entities
from app.core.models import SourceName
from app.core.prediction import Outcome, Prediction, Replacement, Status
from app.core.tracking import lifecycle
from app.core.units import Height, SatPerVb, Sats, Txid
from app.errors import InvalidTransitionError
from tests.builders import START_HEIGHT, a_block, a_whale
from tests.core.story import Story, a_forecast

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
WHALE = a_whale()


def waiting() -> Prediction:
    story = Story()
    story.seen(WHALE)
    return story.of(WHALE)


def test_every_status_has_its_row() -> None:
    assert set(lifecycle.LEGAL_TRANSITIONS) == set(Status)


@pytest.mark.parametrize("status", Status)
def test_staying_as_it_is_is_always_legal(status: Status) -> None:
    assert status in lifecycle.LEGAL_TRANSITIONS[status]


def test_what_was_dropped_is_not_confirmed_before_it_waits_again() -> None:
    dropped = lifecycle.drop(waiting(), NOON, "gone")

    with pytest.raises(InvalidTransitionError, match="dropped does not become confirmed"):
        lifecycle.confirm(dropped, a_block(1, WHALE), NOON)


def test_what_was_dropped_may_wait_again_and_be_confirmed() -> None:
    again = lifecycle.come_back(lifecycle.drop(waiting(), NOON, "gone"), NOON)

    assert lifecycle.confirm(again, a_block(1, WHALE), NOON).status is Status.CONFIRMED


def test_what_a_block_holds_cannot_be_replaced() -> None:
    confirmed = lifecycle.confirm(waiting(), a_block(1, WHALE), NOON)

    with pytest.raises(InvalidTransitionError):
        lifecycle.give_way(confirmed, Txid("ab" * 32), NOON, "replaced", tip=None)


LATER = NOON + timedelta(hours=5)
TIP = a_block(7)
OTHER = a_whale(160, fee=9_000)
RIVAL = Txid("ab" * 32)
FOR_THREE_BLOCKS = a_forecast(
    WHALE.txid,
    raw=(0.4, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0),
    projected_block=2,
)
AS_KNOWN = classify(WHALE, Entities())
MARKED = replace(
    lifecycle.begin(WHALE, AS_KNOWN, source=SourceName.MEMPOOL_WS, at=NOON, tip=a_block(0)),
    flags=frozenset({Flag.CONFLICT, Flag.FEE_SPIKE}),
    left_unverified=True,
    reason="a remark",
    held_by=(SourceName.MEMPOOL_WS,),
    conflicts_with=(RIVAL,),
    package_feerate=SatPerVb(12.0),
    announced_flow=Flow.INFLOW,
    overdue_since=NOON,
    outcome=Outcome.LATE,
    first_forecast=FOR_THREE_BLOCKS,
    forecasts=(FOR_THREE_BLOCKS,),
    reorged=2,
)
"""A waiting whale of which there is something to say everywhere."""
CONFIRMED = lifecycle.confirm(MARKED, TIP, NOON)


def next_of(whale: Prediction, **changes: object) -> Prediction:
    return replace(whale, version=whale.version + 1, updated_at=LATER, **changes)


def test_it_begins_as_it_was_seen() -> None:
    whale = lifecycle.begin(WHALE, AS_KNOWN, source=SourceName.BLOCK, at=NOON, tip=TIP)

    assert whale == Prediction(
        prediction_id=f"whl_{WHALE.txid[:32]}",
        version=1,
        tx=WHALE,
        classification=AS_KNOWN,
        status=Status.PENDING,
        detected_at=NOON,
        detected_height=TIP.height,
        first_seen_by=SourceName.BLOCK,
        first_seen_in_block=True,
        updated_at=NOON,
        announced_flow=AS_KNOWN.flow,
    )


def test_where_an_id_belongs_to_another_one_it_has_the_next() -> None:
    ids: list[str] = []
    for _ in range(4):
        whale = lifecycle.begin(
            WHALE, AS_KNOWN, source=SourceName.BLOCK, at=NOON, tip=TIP, taken=ids.__contains__
        )
        ids.append(whale.prediction_id)

    assert ids[:2] == [f"whl_{WHALE.txid[:32]}", f"whl_{WHALE.txid[32:]}"]
    assert len(set(ids)) == 4
    assert {len(one) for one in ids} == {36}


def test_confirmed_it_bears_its_block_and_no_remark() -> None:
    assert lifecycle.confirm(MARKED, TIP, LATER) == next_of(
        MARKED,
        status=Status.CONFIRMED,
        confirmed_height=TIP.height,
        confirmed_hash=TIP.hash,
        confirmed_at=LATER,
        ended_at=LATER,
        reason=None,
        left_unverified=False,
        outcome=Outcome.LATE,
    )


@pytest.mark.parametrize(("minutes", "believed"), [(30, False), (31, True), (300, True), (301, False)])
def test_the_time_of_an_old_block_counts_unless_it_is_before_first_sight(
    minutes: int, *, believed: bool
) -> None:
    mined = LATER - timedelta(minutes=minutes)
    confirmed = lifecycle.confirm(MARKED, replace(TIP, time=mined), LATER)

    assert confirmed.confirmed_at == (mined if believed else LATER)


@pytest.mark.parametrize(("later", "since"), [(0, None), (1, NOON)])
def test_confirmed_in_time_it_was_not_overdue(later: int, since: datetime | None) -> None:
    block = replace(TIP, height=Height(FOR_THREE_BLOCKS.due_height + later))

    assert lifecycle.confirm(MARKED, block, LATER).overdue_since == since
    overdue = replace(CONFIRMED, overdue_since=NOON)
    assert lifecycle.confirmed_at_height(overdue, block, LATER).overdue_since == since


def test_undone_it_waits_as_before_and_counts_the_reorg() -> None:
    assert lifecycle.unconfirm(CONFIRMED, LATER, "reorganised") == next_of(
        CONFIRMED,
        status=Status.PENDING,
        confirmed_height=None,
        confirmed_hash=None,
        confirmed_at=None,
        ended_at=None,
        outcome=Outcome.CENSORED,
        overdue_since=None,
        reorged=3,
        reason="reorganised",
    )


def test_its_height_at_detection_is_corrected_alone() -> None:
    assert lifecycle.detected_at_height(MARKED, Height(9), LATER) == next_of(MARKED, detected_height=9)


def test_dropped_it_says_why_and_no_longer_that_it_is_unverified() -> None:
    assert lifecycle.drop(MARKED, LATER, "expired") == next_of(
        MARKED,
        status=Status.DROPPED,
        ended_at=LATER,
        reason="expired",
        left_unverified=False,
        outcome=Outcome.DROPPED,
    )


def test_broadcast_again_it_waits_as_if_it_had_not_ended() -> None:
    given_way = lifecycle.give_way(MARKED, RIVAL, NOON, "replaced", tip=TIP)

    assert lifecycle.come_back(given_way, LATER) == next_of(
        given_way,
        status=Status.PENDING,
        ended_at=None,
        replaced_by=None,
        outcome=Outcome.CENSORED,
        overdue_since=None,
        reason="broadcast again",
    )


@pytest.mark.parametrize("in_block", [False, True])
@pytest.mark.parametrize("fee_spike", [False, True])
def test_what_a_replacement_takes_over_begins_anew(*, in_block: bool, fee_spike: bool) -> None:
    better = classify(OTHER, Entities())
    by = replace(OTHER, package_feerate=SatPerVb(33.0))
    taken = lifecycle.take_over(MARKED, by, better, LATER, tip=TIP, fee_spike=fee_spike, in_block=in_block)
    marks = {Flag.LATE_SEEN: in_block, Flag.FEE_SPIKE: fee_spike}

    assert taken == next_of(
        MARKED,
        tx=by,
        classification=better,
        replaces=(WHALE.txid,),
        package_feerate=SatPerVb(33.0),
        first_forecast=None,
        first_seen_in_block=in_block,
        left_unverified=False,
        reason=None,
        flags=frozenset(mark for mark, applies in marks.items() if applies),
        conflicts_with=(),
        held_by=(),
        announced_flow=better.flow,
        outcome=Outcome.CENSORED,
        overdue_since=None,
        replacements=(replacement_of(MARKED, OTHER.txid),),
    )


def replacement_of(whale: Prediction, by: Txid) -> Replacement:
    return Replacement(
        txid=whale.txid,
        by=by,
        at=LATER,
        at_height=TIP.height,
        flow=whale.announced_flow,
        overdue_since=whale.overdue_since,
    )


@pytest.mark.parametrize(("overdue", "outcome"), [(None, Outcome.REPLACED), (NOON, Outcome.LATE)])
def test_what_gives_way_names_its_replacement_and_how_it_was_forecast(
    overdue: datetime | None, outcome: Outcome
) -> None:
    whale = replace(MARKED, overdue_since=overdue)

    assert lifecycle.give_way(whale, RIVAL, LATER, "replaced", tip=TIP) == next_of(
        whale,
        status=Status.REPLACED,
        replaced_by=RIVAL,
        ended_at=LATER,
        reason="replaced",
        left_unverified=False,
        outcome=outcome,
        replacements=(replacement_of(whale, RIVAL),),
    )


@pytest.mark.parametrize("status", [Status.PENDING, Status.DROPPED])
@pytest.mark.parametrize("overdue", [None, NOON])
@pytest.mark.parametrize("height", [2, 3])
def test_only_what_waits_is_overdue_once_at_its_height(
    status: Status, overdue: datetime | None, height: int
) -> None:
    whale = replace(MARKED, status=status, overdue_since=overdue)
    due = status is Status.PENDING and overdue is None and height == 3

    assert lifecycle.is_overdue(whale, Height(START_HEIGHT + height)) is due


def test_overdue_it_is_late_from_then_on() -> None:
    whale = replace(MARKED, overdue_since=None, outcome=Outcome.CENSORED)

    assert lifecycle.overdue(whale, LATER) == next_of(whale, outcome=Outcome.LATE, overdue_since=LATER)


def test_contended_it_names_each_rival_once() -> None:
    another = Txid("cd" * 32)
    twice = lifecycle.contend(MARKED, RIVAL, LATER, "two spends")

    assert twice == next_of(MARKED, reason="two spends")
    assert lifecycle.contend(MARKED, another, LATER, "two spends").conflicts_with == (RIVAL, another)


def test_a_remark_says_where_it_is_and_whether_that_is_verified() -> None:
    sure = replace(MARKED, left_unverified=False)

    assert lifecycle.leave_unverified(sure, LATER, "nobody knows") == next_of(
        sure, left_unverified=True, reason="nobody knows"
    )
    assert lifecycle.remark(MARKED, LATER, "elsewhere", unverified=False) == next_of(
        MARKED, left_unverified=False, reason="elsewhere"
    )
    assert lifecycle.verify(MARKED, LATER) == next_of(MARKED, left_unverified=False, reason=None)


def test_its_holders_change_alone() -> None:
    by = (SourceName.BITCOIND, SourceName.MEMPOOL_WS)

    assert lifecycle.held(MARKED, by, LATER) == next_of(MARKED, held_by=by)


@pytest.mark.parametrize(("known", "kept"), [(None, 44.0), (12.0, 12.0)])
def test_a_fee_learned_late_brings_the_feerate_of_its_package_unless_that_is_known(
    known: float | None, kept: float
) -> None:
    whale = replace(MARKED, package_feerate=None if known is None else SatPerVb(known))
    paid = replace(WHALE, fee=Sats(777), package_feerate=SatPerVb(44.0))

    assert lifecycle.learn_fee(whale, paid, LATER) == next_of(
        whale, tx=replace(WHALE, fee=Sats(777)), package_feerate=kept
    )


def test_the_first_forecast_is_kept_with_what_it_was_made_from() -> None:
    whale = replace(MARKED, first_forecast=None, forecasts=())

    assert lifecycle.with_forecast(whale, FOR_THREE_BLOCKS, LATER) == next_of(
        whale, first_forecast=FOR_THREE_BLOCKS, forecasts=(FOR_THREE_BLOCKS,)
    )


def test_a_later_forecast_is_kept_without_what_it_was_made_from() -> None:
    bare = replace(FOR_THREE_BLOCKS, raw=(), projected_block=None)

    assert lifecycle.with_forecast(MARKED, FOR_THREE_BLOCKS, LATER) == next_of(
        MARKED, forecasts=(FOR_THREE_BLOCKS, bare)
    )


def test_the_same_forecast_of_the_same_moment_is_held_once() -> None:
    once = lifecycle.with_forecast(MARKED, FOR_THREE_BLOCKS, LATER)

    assert lifecycle.with_forecast(once, once.forecasts[-1], LATER).forecasts == once.forecasts
