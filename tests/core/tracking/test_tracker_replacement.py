"""Unconfirmed by unconfirmed: which id goes on, and which ends."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.core.classification import Flag
from app.core.models import SourceName, Transaction
from app.core.observations import TransactionSeen, Unanswered
from app.core.prediction import Outcome, Status
from app.core.questions import AskPackage, AskPrevouts, AskStatus, AskTransaction
from app.core.tracking.inferred_replacement import AWAITED_FOR, UNEXPLAINED
from app.core.tracking.replacing import outbids
from app.core.units import SATS_PER_BTC, Sats
from tests.builders import (
    a_block,
    a_coin,
    a_script,
    a_transaction,
    a_whale,
    pays,
    prevouts_of,
    spends,
    without_prevouts,
)
from tests.core.story import WS, Story, forecasting

FIRST, SECOND, THIRD = (a_whale(150, fee=fee) for fee in (1_000, 2_000, 3_000))
"""Versions of one payment."""
OTHER = a_whale(150, coins=("two",))
SMALL = a_whale(50, fee=5_000)
"""Spends the same coin and is no whale."""


def test_a_replaced_whale_keeps_its_id_and_takes_the_new_txid() -> None:
    story = Story()
    story.seen(FIRST)
    first_id = story.only.prediction_id

    assert story.replaced(FIRST, by=SECOND) == ["replaced"]
    assert (story.only.prediction_id, story.only.txid) == (first_id, SECOND.txid)


def test_a_replaced_whale_stays_pending() -> None:
    story = Story()
    story.seen(FIRST)
    story.replaced(FIRST, by=SECOND)

    assert story.only.status is Status.PENDING


def test_every_replacement_is_listed() -> None:
    story = Story()
    story.seen(FIRST)
    story.replaced(FIRST, by=SECOND)
    story.replaced(SECOND, by=THIRD)

    assert story.only.replaces == (FIRST.txid, SECOND.txid)


def test_victims_of_before_told_again_change_nothing() -> None:
    story = Story()
    story.seen(FIRST)
    story.replaced(FIRST, by=SECOND)

    assert story.replaced(SECOND, FIRST, by=THIRD) == ["replaced"]
    assert story.replaced(FIRST, by=SECOND) == []


def test_an_old_version_told_again_and_refuted_takes_no_place_later() -> None:
    story = Story()
    story.seen(FIRST)
    story.replaced(FIRST, by=SECOND)
    story.replaced(SECOND, by=THIRD)
    story.replaced(FIRST, by=SECOND)
    story.waits(THIRD)

    assert story.gone(THIRD) == ["dropped"]


def test_a_replacement_told_twice_is_told_once() -> None:
    story = Story()
    story.seen(FIRST)
    story.replaced(FIRST, by=SECOND)

    assert story.replaced(FIRST, by=SECOND) == []


def test_the_winner_that_comes_as_added_too_is_no_second_whale() -> None:
    story = Story()
    story.seen(FIRST)
    story.replaced(FIRST, by=SECOND)

    assert story.seen(SECOND) == []


def test_a_replacement_opens_a_new_first_forecast() -> None:
    story = Story(forecast_source=forecasting())
    story.seen(FIRST)
    story.replaced(FIRST, by=SECOND)

    assert story.only.first_forecast is not None
    assert story.only.first_forecast.txid == SECOND.txid


def test_the_forecasts_of_before_are_kept() -> None:
    story = Story(forecast_source=forecasting())
    story.seen(FIRST)
    story.replaced(FIRST, by=SECOND)

    assert [one.txid for one in story.only.forecasts] == [FIRST.txid, SECOND.txid]


def test_the_winner_knows_the_prevouts_of_its_victim() -> None:
    story = Story()
    story.seen(FIRST)
    story.replaced(FIRST, by=without_prevouts(SECOND))

    assert story.only.tx.inputs == SECOND.inputs


def test_the_prevouts_of_coins_that_only_the_winner_spends_are_asked_for() -> None:
    story, by = Story(), a_whale(200, coins=("one", "two"), prevouts=False)
    story.seen(FIRST)
    story.replaced(FIRST, by=by)

    assert AskPrevouts(by.txid, (a_coin("two"),)) in story.questions


def test_a_whale_replaced_by_no_whale_ends() -> None:
    story = Story()
    story.seen(FIRST)
    story.replaced(FIRST, by=SMALL)

    assert (story.only.status, story.only.replaced_by, story.only.outcome) == (
        Status.REPLACED,
        SMALL.txid,
        Outcome.REPLACED,
    )


def test_of_several_victims_the_id_of_the_largest_goes_on() -> None:
    story, small, large = Story(), a_whale(120, coins=("a",)), a_whale(300, coins=("b",))
    winner = a_whale(410, coins=("a", "b"), fee=9_000)
    story.seen(small, large)
    large_id = story.of(large).prediction_id
    story.replaced(small, large, by=winner)

    assert story.of(winner).prediction_id == large_id


def test_of_several_victims_the_others_point_to_the_winner() -> None:
    story, small, large = Story(), a_whale(120, coins=("a",)), a_whale(300, coins=("b",))
    winner = a_whale(410, coins=("a", "b"), fee=9_000)
    story.seen(small, large)
    story.replaced(small, large, by=winner)

    assert (story.of(small).status, story.of(small).replaced_by) == (Status.REPLACED, winner.txid)


def test_of_several_victims_asked_about_one_by_one_the_largest_goes_on_too() -> None:
    story, small, large = Story(), a_whale(120, coins=("a",)), a_whale(300, coins=("b",))
    winner = a_whale(410, coins=("a", "b"), fee=9_000)
    story.seen(small, large)
    large_id = story.of(large).prediction_id
    story.seen(winner)
    story.gone(small)
    story.gone(large)

    assert story.of(winner).prediction_id == large_id
    assert story.of(small).replaced_by == winner.txid


def test_a_winner_already_known_keeps_its_own_id() -> None:
    story = Story()
    story.seen(FIRST)
    story.seen(SECOND)
    story.unanswered(*story.questions)
    second_id = story.of(SECOND).prediction_id
    story.replaced(FIRST, by=SECOND)

    assert story.of(SECOND).prediction_id == second_id
    assert story.of(FIRST).replaced_by == SECOND.txid


def test_a_winner_that_had_been_dropped_waits_again() -> None:
    story = Story()
    story.seen(SECOND)
    story.gone(SECOND)
    story.seen(FIRST)
    story.replaced(FIRST, by=SECOND)

    assert story.of(SECOND).status is Status.PENDING


def test_a_victim_whose_prevouts_are_still_asked_is_announced_first() -> None:
    story = Story()
    story.seen(without_prevouts(FIRST))

    assert story.replaced(FIRST, by=SECOND) == ["detected", "replaced"]


def test_a_winner_that_shares_no_coin_takes_nothing_over() -> None:
    story, stranger = Story(), a_whale(170, coins=("other",))
    story.seen(FIRST)

    assert story.replaced(FIRST, by=stranger) == ["detected"]
    assert story.of(FIRST).status is Status.PENDING


def test_a_winner_of_victims_nobody_knew_is_announced() -> None:
    assert Story().replaced(FIRST, by=SECOND) == ["detected"]


def test_a_rival_whose_victim_has_gone_takes_its_place() -> None:
    story = Story()
    story.seen(FIRST)
    story.seen(SECOND)

    assert story.questions == [AskStatus(FIRST.txid)]
    assert story.gone(FIRST) == ["replaced"]


def test_a_whale_that_left_was_replaced_if_something_took_its_coin() -> None:
    story = Story()
    story.seen(FIRST, SMALL)
    story.left(FIRST)
    story.gone(FIRST)

    assert story.only.replaced_by == SMALL.txid


def test_the_source_may_name_a_replacement_we_never_saw() -> None:
    story = Story()
    story.seen(FIRST)
    story.gone(FIRST, replaced_by=SECOND.txid)
    assert story.questions == [AskTransaction(SECOND.txid)]
    story.unanswered(AskTransaction(SECOND.txid))

    assert story.only.replaced_by == SECOND.txid


def test_a_replacement_that_left_too_is_known_by_its_name() -> None:
    story = Story()
    story.seen(FIRST)
    story.gone(FIRST, replaced_by=SECOND.txid)
    story.gone(SECOND)

    assert story.only.replaced_by == SECOND.txid


def test_the_id_goes_on_with_a_replacement_that_a_source_names() -> None:
    story = Story()
    story.seen(FIRST)
    first = story.only.prediction_id
    story.gone(FIRST, replaced_by=SECOND.txid)
    story.published(SECOND)

    assert story.gone(FIRST, replaced_by=SECOND.txid) == ["replaced"]
    assert (story.only.prediction_id, story.only.txid) == (first, SECOND.txid)
    assert (story.only.status, story.only.replaces) == (Status.PENDING, (FIRST.txid,))


def test_a_replacement_that_is_named_again_is_asked_for_again() -> None:
    story = Story()
    story.seen(FIRST)
    story.gone(FIRST, replaced_by=SECOND.txid)
    story.gone(FIRST, replaced_by=SECOND.txid)

    assert story.questions == [AskTransaction(SECOND.txid)]


def a_named_one_that_nobody_gives_for(seconds: int) -> Story:
    """Whoever could give the replacement whole is away for so long, and is asked again."""
    story = Story()
    story.seen(FIRST)
    story.gone(FIRST, replaced_by=SECOND.txid)
    story.at += timedelta(seconds=seconds)
    story.receive(Unanswered(question=AskTransaction(SECOND.txid), reason="away", asked_again=True))
    return story


def test_for_a_replacement_that_will_be_asked_for_again_the_whale_waits_and_its_id_goes_on() -> None:
    story = a_named_one_that_nobody_gives_for(20)
    first = story.only.prediction_id
    story.published(SECOND)
    story.gone(FIRST, replaced_by=SECOND.txid)

    assert (story.only.prediction_id, story.only.txid, story.only.status) == (
        first,
        SECOND.txid,
        Status.PENDING,
    )


@pytest.mark.parametrize("btc", [50, 150])
def test_what_a_source_names_has_replaced_a_whale_that_is_gone_though_it_pays_less_itself(btc: int) -> None:
    """Its child may have paid: a package replaced the whale."""
    story, by = Story(), a_whale(btc, fee=500)
    story.start()
    story.seen(FIRST)
    first = story.only.prediction_id
    story.gone(FIRST, replaced_by=by.txid)
    story.published(by)
    story.gone(FIRST, replaced_by=by.txid)

    assert (story.only.prediction_id, story.types[-1], story.questions) == (
        first,
        "replaced",
        [AskPackage(by.txid)] if btc > 100 else [],
    )


@pytest.mark.parametrize("fee", [500, None])
def test_what_a_source_names_has_replaced_a_whale_that_is_gone_though_it_is_mined_by_then(
    fee: int | None,
) -> None:
    by = a_whale(150, fee=500)
    by = by if fee is not None else replace(without_prevouts(by), fee=None)
    story, block = Story(), a_block(1, read=False)
    story.start()
    story.seen(FIRST)
    story.gone(FIRST, replaced_by=by.txid)
    story.connected(block)
    story.published(by, block)

    assert (story.types, story.only.txid) == (["detected", "replaced", "confirmed"], by.txid)


def mined_while_the_other_is_asked_about(by: Transaction, *, is_named: bool) -> Story:
    """`by` was given whole before its block; what became of FIRST is not known yet."""
    story, block = Story(forecast_source=forecasting()), a_block(1, read=False)
    story.start()
    story.seen(FIRST)
    if is_named:
        story.gone(FIRST, replaced_by=by.txid)
        story.published(by)
    else:
        story.seen(by)
    story.connected(replace(block, txids=(by.txid,)))
    return story


@pytest.mark.parametrize(("fee", "is_named"), [(500, True), (2_000, True), (2_000, False)])
def test_what_was_given_whole_before_its_block_has_replaced_a_whale_whose_status_is_still_asked_for(
    fee: int, *, is_named: bool
) -> None:
    by = a_whale(150, fee=fee)
    story = mined_while_the_other_is_asked_about(by, is_named=is_named)

    assert (story.types, story.only.txid) == (["detected", "replaced", "confirmed"], by.txid)


@pytest.mark.parametrize("is_named", [True, False])
def test_what_was_seen_before_its_block_is_not_told_as_first_seen_there(*, is_named: bool) -> None:
    whale = mined_while_the_other_is_asked_about(SECOND, is_named=is_named).only

    assert not whale.first_seen_in_block
    assert (Flag.LATE_SEEN in whale.all_flags, whale.first_forecast) == (False, None)


def test_a_named_one_that_is_no_whale_and_mined_before_its_status_is_known_ends_the_whale() -> None:
    by = a_whale(50, fee=500)
    story = mined_while_the_other_is_asked_about(by, is_named=True)

    assert (story.types, story.only.replaced_by) == (["detected", "replaced"], by.txid)


def test_a_named_one_that_waits_is_waited_for_until_somebody_gives_it_whole() -> None:
    story, by = Story(), a_whale(150, fee=2_000)
    story.start()
    story.seen(FIRST)
    story.gone(FIRST, replaced_by=by.txid)
    story.waits(by)
    story.published(by)
    story.gone(FIRST)

    assert (story.types, story.only.txid) == (["detected", "replaced"], by.txid)


def test_what_is_only_placed_a_minute_after_it_was_named_is_believed_though_nobody_gives_it() -> None:
    story = Story()
    story.start()
    story.seen(FIRST)
    story.gone(FIRST, replaced_by=SMALL.txid)
    story.waits(SMALL)
    assert story.only.status is Status.PENDING
    story.at += AWAITED_FOR
    story.gone(FIRST, replaced_by=SMALL.txid)
    assert AskTransaction(SMALL.txid) in story.questions
    story.waits(SMALL)

    assert (story.only.status, story.only.replaced_by) == (Status.REPLACED, SMALL.txid)


def test_a_named_replacement_that_was_given_whole_and_is_gone_by_now_ends_nothing_by_its_name() -> None:
    story = Story()
    story.start()
    story.seen(FIRST)
    story.gone(FIRST, replaced_by=SECOND.txid)
    story.published(SECOND)
    story.left(SECOND)
    story.gone(SECOND)

    assert (story.of(FIRST).status, story.of(FIRST).replaced_by) == (Status.PENDING, None)


def test_a_line_refutes_no_name_that_was_told_again_since() -> None:
    story = Story()
    story.start()
    story.projected(FIRST, 10)
    story.unanswered(AskTransaction(FIRST.txid))
    story.gone(FIRST, replaced_by=SECOND.txid)
    story.at += timedelta(seconds=13)
    story.gone(FIRST, replaced_by=SECOND.txid)
    story.projected(FIRST, 10)
    story.published(SECOND)

    assert story.only.replaces == (FIRST.txid,)


def test_what_was_named_a_minute_ago_is_asked_for_again_where_another_source_names_nothing() -> None:
    story = Story()
    story.start()
    story.seen(FIRST)
    story.gone(FIRST, replaced_by=SMALL.txid)
    story.waits(SMALL)
    story.lacks(SourceName.BITCOIND, FIRST)
    assert AskTransaction(SMALL.txid) not in story.questions
    story.at += AWAITED_FOR
    story.lacks(SourceName.BITCOIND, FIRST)
    assert AskTransaction(SMALL.txid) in story.questions
    story.waits(SMALL)

    assert (story.only.status, story.only.replaced_by) == (Status.REPLACED, SMALL.txid)


def test_a_mined_one_that_is_no_whale_ends_those_that_it_did_not_outbid_too() -> None:
    story, block = Story(), a_block(1, read=False)
    dearer = a_whale(150, coins=("two",), fee=9_000)
    by = a_transaction(
        spends=[spends(a_script(name), 150, outpoint=a_coin(name)) for name in ("one", "two")],
        pays=[pays(a_script("somebody"), 50), pays(a_script("one"), 249)],
        fee=5_000,
        vsize=200,
    )
    story.start()
    story.seen(FIRST, dearer)
    story.seen(by)
    story.connected(replace(block, txids=(by.txid,)))

    assert (story.of(FIRST).status, story.of(FIRST).replaced_by) == (Status.REPLACED, by.txid)
    assert (story.of(dearer).status, story.of(dearer).conflicts_with) == (Status.DROPPED, (by.txid,))


@pytest.mark.parametrize("seen_by", ["its line", "a mempool", None])
def test_a_named_one_that_was_seen_waiting_is_not_first_seen_in_its_block(seen_by: str | None) -> None:
    story, block = Story(forecast_source=forecasting()), a_block(1, read=False)
    story.start()
    story.projected(FIRST, 10)
    story.unanswered(AskTransaction(FIRST.txid))
    story.gone(FIRST, replaced_by=SECOND.txid)
    if seen_by == "its line":
        story.projected(SECOND, 30)
    elif seen_by == "a mempool":
        story.waits(SECOND)
    story.published(SECOND, block)
    story.connected(block)

    assert story.of(SECOND).replaces == (FIRST.txid,)
    assert story.of(SECOND).first_seen_in_block is (seen_by is None)


def test_what_is_no_whale_by_its_coins_is_none_in_its_block_where_these_are_not_told() -> None:
    story, block = Story(), a_block(1, CHANGE)
    story.start()
    story.seen(CHANGE)
    story.connected(block)
    story.published(without_prevouts(CHANGE), block, source=SourceName.ELECTRS)

    assert story.types == []


def test_what_is_named_once_more_after_an_outage_is_asked_for_and_takes_the_place() -> None:
    story = Story()
    story.start()
    story.seen(FIRST)
    story.gone(FIRST, replaced_by=SECOND.txid)
    story.at += 2 * AWAITED_FOR
    story.gone(FIRST, replaced_by=SECOND.txid)
    story.published(SECOND)
    story.gone(FIRST)

    assert (story.types, story.only.txid) == (["detected", "replaced"], SECOND.txid)


def test_what_is_named_for_two_whales_still_takes_the_place_of_the_first_known_by_its_line_alone() -> None:
    story, by = Story(), a_whale(150, coins=("one", "two"), fee=5_000)
    story.start()
    story.projected(FIRST, 10)
    story.unanswered(AskTransaction(FIRST.txid))
    story.seen(OTHER)
    story.gone(FIRST, replaced_by=by.txid)
    story.gone(OTHER, replaced_by=by.txid)
    story.published(by)

    assert story.of(by).replaces == (FIRST.txid,)
    assert (story.of(OTHER).status, story.of(OTHER).replaced_by) == (Status.REPLACED, by.txid)


@pytest.mark.parametrize(("seconds", "is_replaced"), [(9, True), (11, False)])
def test_a_whale_in_a_projected_block_is_not_replaced_by_what_was_named_a_while_before(
    seconds: int, *, is_replaced: bool
) -> None:
    story, by, block = Story(), a_whale(150, fee=500), a_block(1, read=False)
    story.start()
    story.seen(FIRST)
    story.gone(FIRST, replaced_by=by.txid)
    story.at += timedelta(seconds=seconds - 1)
    story.projected(FIRST, 10)
    story.connected(block)
    story.published(by, block)

    assert (story.of(by).replaces == (FIRST.txid,)) is is_replaced


@pytest.mark.parametrize("given", ["reported", "fetched", "mined"])
def test_what_is_named_of_a_whale_known_by_its_line_alone_takes_its_place_whoever_tells(given: str) -> None:
    story, block = Story(forecast_source=forecasting()), a_block(1, read=False)
    story.start()
    story.projected(FIRST, 10)
    story.unanswered(AskTransaction(FIRST.txid))
    story.gone(FIRST, replaced_by=SECOND.txid)
    match given:
        case "reported":
            story.seen(SECOND)
        case "fetched":
            story.published(SECOND)
        case _:
            story.connected(block)
            story.published(SECOND, block)

    assert (story.types[:2], story.only.txid) == (["detected", "replaced"], SECOND.txid)
    assert story.only.first_seen_in_block is (given == "mined")


def test_one_that_one_source_gives_whole_and_another_places_is_the_replacement() -> None:
    story, by = Story(), a_whale(50, fee=500)
    story.start()
    story.seen(FIRST)
    story.gone(FIRST, replaced_by=by.txid)
    story.published(by)
    story.waits(by)
    story.gone(FIRST)

    assert (story.only.status, story.only.replaced_by) == (Status.REPLACED, by.txid)


def test_a_whale_that_was_replaced_before_a_node_heard_of_it_does_not_go_back() -> None:
    story, node = Story(), SourceName.BITCOIND
    story.start()
    story.seen(FIRST)
    story.replaced(FIRST, by=SECOND)
    story.seen(FIRST, source=node)
    story.waits(SECOND, source=node)
    story.left(FIRST, source=node)
    story.seen(SECOND, source=node)
    story.at += timedelta(minutes=1)
    story.left(SECOND, source=node)
    story.lacks(node, SECOND, by=THIRD)

    assert story.only.txid == SECOND.txid
    assert AskTransaction(THIRD.txid) in story.questions


def test_a_named_replacement_that_was_given_whole_is_not_fetched_over_and_over() -> None:
    story = Story()
    story.start()
    story.seen(FIRST)
    story.gone(FIRST, replaced_by=SECOND.txid)
    story.published(SECOND)
    story.waits(SECOND)
    story.gone(SECOND)
    story.gone(FIRST, replaced_by=SECOND.txid)
    story.gone(FIRST, replaced_by=SECOND.txid)

    assert AskTransaction(SECOND.txid) not in story.questions


def test_a_whale_that_is_found_again_waits_for_no_replacement_any_more() -> None:
    story = a_named_one_that_nobody_gives_for(20)
    story.seen(FIRST)
    story.gone(SECOND)

    assert story.only.status is Status.PENDING


@pytest.mark.parametrize("seconds", [61, -3_600])
def test_it_does_not_wait_for_it_for_long(seconds: int) -> None:
    assert a_named_one_that_nobody_gives_for(seconds).only.replaced_by == SECOND.txid


def known_by_its_line() -> Story:
    """Its outpoints are not known: nothing says what may replace it but a source."""
    story = Story()
    story.start()
    story.projected(FIRST)
    story.unanswered(AskTransaction(FIRST.txid))
    return story


@pytest.mark.parametrize("how", ["reported", "named by its status", "reported after it was dropped"])
def test_of_a_whale_known_by_its_line_alone_a_source_is_believed_what_replaced_it(how: str) -> None:
    story = known_by_its_line()
    first = story.only.prediction_id
    if how == "reported after it was dropped":
        story.gone(FIRST)
    if how == "named by its status":
        story.gone(FIRST, replaced_by=SECOND.txid)
        story.published(SECOND)
    else:
        story.replaced(FIRST, by=SECOND)

    assert (story.only.prediction_id, story.only.txid, story.only.status) == (
        first,
        SECOND.txid,
        Status.PENDING,
    )


@pytest.mark.parametrize("line_first", [True, False])
def test_a_former_version_is_not_announced_by_its_line_while_nobody_can_be_asked(*, line_first: bool) -> None:
    story = Story()
    story.start()
    if line_first:
        story.projected(FIRST)
    story.seen(FIRST)
    story.replaced(FIRST, by=SECOND)
    story.at += timedelta(hours=1)
    story.projected(FIRST)
    assert AskTransaction(FIRST.txid) in story.questions

    assert story.unanswered(AskTransaction(FIRST.txid)) == []


def test_the_line_of_a_version_before_one_that_has_just_given_way_is_not_even_asked_for() -> None:
    story = Story()
    story.start()
    story.seen(FIRST)
    story.replaced(FIRST, by=SECOND)
    story.replaced(SECOND, by=SMALL)
    story.projected(FIRST)

    assert story.questions == []


def test_what_left_another_mempool_is_announced_by_its_line_all_the_same() -> None:
    story = Story()
    story.start()
    story.projected(FIRST)
    story.left(FIRST, source=SourceName.BITCOIND)

    assert story.unanswered(AskTransaction(FIRST.txid)) == ["detected"]


@pytest.mark.parametrize("how", ["replaced", "left"])
def test_what_is_gone_before_it_was_given_whole_is_not_announced_by_its_line(how: str) -> None:
    story = Story()
    story.projected(FIRST)
    if how == "replaced":
        story.replaced(FIRST, by=SECOND)
    else:
        story.left(FIRST)
    story.unanswered(AskTransaction(FIRST.txid))

    assert FIRST.txid not in {one.txid for one in story.kept.values()}


def test_a_named_replacement_that_spends_other_coins_ends_it_all_the_same() -> None:
    story = Story()
    story.seen(FIRST)
    story.gone(FIRST, replaced_by=OTHER.txid)
    story.published(OTHER)

    first = story.of(FIRST)
    assert (first.status, first.replaced_by) == (Status.REPLACED, OTHER.txid)


@pytest.mark.parametrize("how", ["replaced", "seen", "told"])
def test_found_gone_before_its_replacement_is_told_the_id_goes_on(how: str) -> None:
    story = Story()
    story.seen(FIRST)
    first = story.only.prediction_id
    story.listed()
    assert story.gone(FIRST) == ["dropped"]

    publish = {
        "replaced": lambda: story.replaced(FIRST, by=SECOND),
        "seen": lambda: story.seen(SECOND),
        "told": lambda: story.published(SECOND),
    }
    assert publish[how]() == ["replaced"]
    assert (story.only.prediction_id, story.only.txid, story.only.status) == (
        first,
        SECOND.txid,
        Status.PENDING,
    )
    assert story.tracker.tally.replacements == 1


def test_told_to_have_left_another_spend_is_a_whale_of_its_own() -> None:
    story = Story()
    story.seen(FIRST)
    story.left(FIRST)
    story.gone(FIRST)

    assert story.seen(SECOND) == ["detected"]
    assert story.of(FIRST).status is Status.DROPPED


def test_found_gone_long_ago_another_spend_is_a_whale_of_its_own() -> None:
    story = Story()
    story.seen(FIRST)
    story.listed()
    story.gone(FIRST)
    story.at += UNEXPLAINED

    assert story.seen(SECOND) == ["detected"]


def test_found_gone_its_replacement_in_a_block_goes_on_with_the_id() -> None:
    story = Story()
    story.start()
    story.seen(FIRST)
    first = story.only.prediction_id
    story.listed()
    story.gone(FIRST)
    block = a_block(1, SECOND)
    story.connected(block)

    assert story.published(SECOND, block) == ["replaced", "confirmed"]
    assert story.only.prediction_id == first


def test_two_unconfirmed_spends_of_one_coin_are_both_marked() -> None:
    story = Story()
    story.seen(FIRST, SECOND)

    assert story.waits(FIRST) == ["detected", "conflicted", "conflicted"]
    assert all(Flag.CONFLICT in one.flags for one in story.kept.values())


def test_the_higher_feerate_is_the_likely_winner() -> None:
    story = Story()
    story.seen(FIRST, SECOND)
    story.waits(FIRST)

    assert all(one.reason and one.reason.endswith(SECOND.txid) for one in story.kept.values())


def test_a_conflict_told_again_is_told_once() -> None:
    story = Story()
    story.seen(FIRST, SMALL)
    story.waits(FIRST)
    story.seen(SMALL)

    assert story.waits(FIRST) == []


def test_a_block_that_holds_one_of_two_ends_the_other() -> None:
    story = Story()
    story.start()
    story.seen(FIRST, SECOND)
    story.waits(FIRST)
    story.connected(a_block(1, FIRST))

    assert (story.of(FIRST).status, story.of(SECOND).status) == (Status.CONFIRMED, Status.DROPPED)


def test_it_makes_no_difference_which_of_two_was_heard_of_last() -> None:
    story = Story()
    story.start()
    story.seen(FIRST, SECOND)
    story.waits(FIRST)
    story.connected(a_block(1, SECOND))

    assert (story.of(FIRST).status, story.of(SECOND).status) == (Status.DROPPED, Status.CONFIRMED)


def test_an_older_version_whose_winner_was_dropped_goes_on_under_the_same_id() -> None:
    story = Story()
    story.seen(FIRST)
    story.replaced(FIRST, by=SECOND)
    story.left(SECOND)
    story.gone(SECOND)
    story.seen(FIRST)

    assert (story.only.txid, story.only.status, story.only.replaces) == (
        FIRST.txid,
        Status.PENDING,
        (SECOND.txid,),
    )


def test_an_older_version_seen_again_is_checked_before_it_is_believed() -> None:
    story = Story()
    story.seen(FIRST)
    story.replaced(FIRST, by=SECOND)
    story.seen(FIRST)

    assert (story.only.txid, story.questions) == (SECOND.txid, [AskStatus(SECOND.txid)])


def test_an_older_version_that_waits_while_the_newer_is_gone_takes_its_place_back() -> None:
    story = Story()
    story.seen(FIRST)
    story.replaced(FIRST, by=SECOND)
    story.seen(FIRST)
    story.gone(SECOND)

    assert (story.only.txid, story.only.replaces) == (FIRST.txid, (SECOND.txid,))


def test_prevouts_told_after_the_replacement_are_no_longer_of_it() -> None:
    story = Story()
    story.seen(FIRST)
    story.replaced(FIRST, by=SECOND)

    assert story.receive(prevouts_of(FIRST)) == []


def test_several_rivals_of_one_whale_take_its_place_once() -> None:
    story = Story()
    story.receive(*(TransactionSeen(tx=tx, source=WS) for tx in (FIRST, SECOND, THIRD)))
    story.gone(FIRST)

    assert story.types.count("replaced") == 1


def test_an_older_version_that_is_reported_late_is_no_second_alert() -> None:
    """A link that was behind: the replacement was read by REST before the stream brought what it replaced."""
    story, old, new = Story(), a_whale(fee=1_000, prevouts=False), a_whale(fee=2_000)
    story.start()
    story.published(new)

    story.seen(old)
    story.replaced(old, by=new)

    assert story.types == ["detected"]
    assert story.only.txid == new.txid


def test_what_was_replaced_does_not_come_back_when_its_replacement_leaves() -> None:
    story, old, new = Story(), a_whale(fee=1_000), a_whale(fee=2_000)
    story.start()
    story.published(new)
    story.seen(old)
    story.replaced(old, by=new)

    story.left(new)
    story.gone(new)

    assert story.of(new).status is Status.DROPPED
    assert [one.txid for one in story.kept.values() if one.status is Status.PENDING] == []


@pytest.mark.parametrize("second", [{"coins": ("one", "two")}, {"to": "somebody else"}])
def test_of_two_that_pay_the_same_nobody_is_likely_to_win(second: dict[str, Any]) -> None:
    story, other = Story(), a_whale(150, fee=1_000, **second)
    story.seen(FIRST)
    story.seen(other)
    story.waits(FIRST)

    assert {whale.reason for whale in story.kept.values()} == {
        f"spends the same coin as {FIRST.txid}; which one wins is open",
        f"spends the same coin as {other.txid}; which one wins is open",
    }


def test_a_named_replacement_that_is_another_whale_already_ends_it_at_once() -> None:
    story, other = Story(), a_whale(200, coins=("two",))
    story.seen(FIRST, other)

    assert story.gone(FIRST, replaced_by=other.txid) == ["replaced"]
    assert (story.of(FIRST).status, story.of(FIRST).replaced_by) == (Status.REPLACED, other.txid)
    assert story.of(other).replaces == ()


NO_WHALE = a_whale(50, fee=9_000)
"""Spends the coin of FIRST."""
CHANGE = a_transaction(
    spends=[spends(a_script("one"), 1_000, outpoint=a_coin("one"))],
    pays=[pays(a_script("somebody"), 50), pays(a_script("one"), 949)],
    fee=9_000,
    vsize=100,
)
"""The same, with certain change: by its sum it might be one."""


def test_a_whale_that_is_dropped_is_not_continued_by_what_is_none_whoever_names_it() -> None:
    story = Story()
    story.seen(FIRST)
    story.gone(FIRST)

    assert story.replaced(FIRST, by=NO_WHALE) == []
    assert (story.of(FIRST).status, story.of(FIRST).replaced_by) == (Status.DROPPED, None)


def test_a_dropped_whale_that_a_block_explains_by_no_whale_stays_dropped_with_the_reason() -> None:
    story, block = Story(), a_block(1, CHANGE)
    story.start()
    story.seen(FIRST)
    story.gone(FIRST)
    story.connected(block)
    story.published(CHANGE, block)

    assert (story.only.status, story.only.replaces) == (Status.DROPPED, ())
    assert story.only.conflicts_with == (CHANGE.txid,)


def test_of_two_whales_that_were_missed_the_prediction_of_the_first_coin_goes_on_with_the_spend_of_both() -> (
    None
):
    first, second = (a_whale(150, coins=(coin,), fee=1_000) for coin in ("one", "two"))
    both = a_whale(250, coins=("one", "two"), fee=9_000)
    story = Story()
    story.start()
    story.seen(first, second)
    for whale in (first, second):
        story.gone(whale)
    story.seen(both)

    assert story.of(both).replaces == (min((first, second), key=lambda one: sorted(one.outpoints)).txid,)


def test_a_victim_that_a_backend_names_twice_is_replaced_once() -> None:
    story = Story()
    story.seen(FIRST)

    assert story.replaced(FIRST, FIRST, by=SECOND) == ["replaced"]
    assert (story.only.txid, story.only.status) == (SECOND.txid, Status.PENDING)


def test_a_winner_that_had_left_before_its_victim_was_seen_waits_again() -> None:
    story = Story()
    story.seen(SECOND)
    story.left(SECOND)
    story.gone(SECOND)
    story.seen(FIRST)
    first_id = story.of(FIRST).prediction_id
    assert story.of(SECOND).status is Status.DROPPED
    story.replaced(FIRST, by=SECOND)

    assert story.of(SECOND).status is Status.PENDING
    assert (story.of(FIRST).prediction_id, story.of(FIRST).replaced_by) == (first_id, SECOND.txid)


def test_the_coins_that_only_a_late_replacement_spends_are_asked_for() -> None:
    story = Story()
    later = a_whale(150, coins=("one", "two"), fee=9_000, prevouts=False)
    story.seen(FIRST)
    story.gone(FIRST)
    story.replaced(FIRST, by=later)

    assert story.of(later).replaces == (FIRST.txid,)
    assert AskPrevouts(later.txid, (a_coin("two"),)) in story.questions


def test_a_winner_in_a_block_whose_fee_is_not_known_is_a_conflict_and_no_replacement() -> None:
    story, winner = Story(), replace(a_whale(150, coins=("one", "two"), prevouts=False), fee=None)
    story.start()
    story.seen(FIRST)
    story.replaced(FIRST, by=winner, mined=True)

    assert (story.of(FIRST).status, story.of(FIRST).conflicts_with) == (Status.DROPPED, (winner.txid,))


def test_the_higher_feerate_is_the_likely_winner_where_it_was_seen_first() -> None:
    story = Story()
    story.seen(SECOND, FIRST)
    story.waits(SECOND)

    assert all(one.reason and one.reason.endswith(SECOND.txid) for one in story.kept.values())


def test_of_two_of_which_one_pays_an_unknown_feerate_nobody_is_likely_to_win() -> None:
    story = Story()
    story.seen(FIRST, replace(SECOND, vsize=None))
    story.waits(FIRST)

    assert all(one.reason and one.reason.endswith("which one wins is open") for one in story.kept.values())


def test_of_a_dropped_whales_coins_only_their_own_spend_goes_on_with_its_id() -> None:
    """The source names another one as replaced by it, whose coins it does not spend."""
    story = Story()
    story.seen(FIRST, OTHER)
    story.listed()
    story.gone(FIRST)
    story.gone(OTHER)
    other = story.of(OTHER).prediction_id
    better = a_whale(150, coins=("two",), fee=9_000)

    assert story.replaced(FIRST, OTHER, by=better) == ["replaced"]
    assert story.of(better).prediction_id == other


def test_a_late_replacement_of_a_whale_that_is_known_already_is_no_second_one() -> None:
    story = Story()
    story.seen(FIRST)
    story.listed()
    story.gone(FIRST)
    story.seen(SECOND)

    assert story.replaced(FIRST, by=SECOND) == []


@pytest.mark.parametrize(
    ("better", "is_better"),
    [
        ({}, True),
        ({"vsize": None}, False),
        ({"fee": 1_000}, False),
        ({"fee": 2_000, "vsize": 200.0}, False),
        ({"fee": 900, "vsize": 50.0}, False),
    ],
)
def test_a_replacement_pays_more_in_all_and_by_size(better: dict[str, Any], *, is_better: bool) -> None:
    assert outbids(replace(without_prevouts(SECOND), **better), FIRST) is is_better


@pytest.mark.parametrize("unknown", ["fee", "vsize"])
def test_what_pays_an_unknown_fee_cannot_be_outbid(unknown: str) -> None:
    assert not outbids(SECOND, replace(FIRST, **{unknown: None}))


def test_a_replacement_while_fees_spike_is_marked_so_unless_it_was_mined() -> None:
    market = forecasting()
    story = Story(forecast_source=market)
    market.spiking = True
    story.start()
    story.seen(FIRST)
    story.replaced(FIRST, by=SECOND)
    assert Flag.FEE_SPIKE in story.only.all_flags
    story.listed()
    story.gone(SECOND)
    story.published(THIRD, a_block(0))

    assert Flag.FEE_SPIKE not in story.only.all_flags


def test_each_replacement_is_kept_with_the_height_it_was_known_at() -> None:
    story = Story()
    story.start()
    story.seen(FIRST, OTHER)
    story.replaced(FIRST, OTHER, by=a_whale(280, coins=("one", "two"), fee=9_000))

    heights = [one.at_height for whale in story.kept.values() for one in whale.replacements]
    assert heights == [a_block(0).height] * 2


def test_a_spend_of_another_whales_coin_takes_no_place() -> None:
    story = Story()
    story.seen(FIRST, OTHER, SMALL)
    story.left(OTHER)

    assert story.gone(OTHER) == ["dropped"]


def test_what_is_no_whale_is_not_counted_as_a_replacement_of_what_was_missed() -> None:
    story = Story(threshold=Sats(160 * SATS_PER_BTC))
    big = a_whale(170)
    story.seen(big)
    story.listed()
    story.gone(big)
    story.seen(a_whale(150, fee=9_000))

    assert (story.only.status, story.tracker.tally.replacements) == (Status.DROPPED, 0)
