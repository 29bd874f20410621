"""What was not to be had of a whale when it was announced is learnt later."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from app.core.classification import Flag
from app.core.models import SourceName, Transaction
from app.core.observations import PackageReply
from app.core.questions import AskPackage, AskPrevouts, AskTransaction
from app.core.units import SatPerVb, Sats
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

WHALE = a_whale(150, coins=("one",), fee=1_000)
DEARER = a_whale(150, coins=("one", "two"), fee=2_000)
UNPRICED = replace(without_prevouts(DEARER), fee=None)


def asks_for(story: Story, tx: Transaction) -> bool:
    return any(isinstance(one, AskTransaction) and one.txid == tx.txid for one in story.questions)


def mined_and_given_whole_by_nobody(answer: str) -> Story:
    """Of a whale that no mempool had shown, the line in its block alone is known."""
    story, block = Story(), a_block(1, WHALE)
    story.start()
    story.connected(block)
    (question,) = (one for one in story.questions if isinstance(one, AskTransaction))
    if answer == "none":
        story.unanswered(question)
    else:
        story.is_in(WHALE, block)
    assert story.types == ["detected", "confirmed"]
    return story


@pytest.mark.parametrize("answer", ["none", "where it is"])
def test_a_mined_whale_that_is_known_by_its_line_alone_is_asked_for_with_the_next_listing(
    answer: str,
) -> None:
    story = mined_and_given_whole_by_nobody(answer)
    story.listed()

    assert asks_for(story, WHALE)


def test_it_is_asked_for_after_a_restart_too() -> None:
    story = mined_and_given_whole_by_nobody("none")
    story.restart()
    story.listed()

    assert asks_for(story, WHALE)


def test_once_it_is_known_whole_it_is_asked_for_no_more() -> None:
    story = mined_and_given_whole_by_nobody("none")
    story.listed()
    assert story.published(WHALE, a_block(1, WHALE)) == ["updated"]
    story.listed()

    assert not asks_for(story, WHALE)


def test_what_nobody_gave_whole_for_hours_is_asked_for_no_more() -> None:
    story = mined_and_given_whole_by_nobody("none")
    story.at += timedelta(hours=7)
    story.listed()

    assert not asks_for(story, WHALE)


def test_prevouts_of_one_that_is_known_by_its_line_alone_say_nothing_of_its_amount() -> None:
    story = Story()
    story.projected(WHALE)
    story.unanswered(AskTransaction(WHALE.txid))

    assert story.receive(prevouts_of(WHALE)) == []


NO_WHALE = a_transaction(
    spends=[spends(a_script("owner"), 300, outpoint=a_coin("kept"))],
    pays=[pays(a_script("owner"), 250), pays(a_script("shop"), 49)],
    vsize=140,
)
"""Large, and nearly all of it goes back to its owner, as its prevouts show."""


def test_what_was_seen_whole_and_is_no_whale_is_not_announced_by_its_line() -> None:
    story = Story()
    story.seen(NO_WHALE)
    story.projected(NO_WHALE)

    assert story.unanswered(AskTransaction(NO_WHALE.txid)) == []


PAYS = a_transaction(
    spends=[spends(a_script("owner"), 151, outpoint=a_coin(name)) for name in ("one", "two")],
    pays=[pays(a_script("shop"), 301.5)],
    vsize=200,
)
"""What its coins bring beyond its output is half a bitcoin."""
HALF_A_BITCOIN = 50_000_000
CHANGE = a_transaction(
    spends=[spends(a_script("one"), 1_000, outpoint=a_coin("one"))],
    pays=[pays(a_script("somebody"), 50), pays(a_script("one"), 949)],
    fee=9_000,
    vsize=100,
)
"""Large, and by its change certainly no whale."""


def seen_without_a_fee(tx: Transaction) -> Story:
    story = Story(forecast_source=forecasting())
    story.start()
    story.seen(replace(without_prevouts(tx), fee=None))
    return story


def test_with_its_coins_the_fee_of_a_whale_is_known_as_it_is_announced() -> None:
    story = seen_without_a_fee(PAYS)
    story.receive(prevouts_of(PAYS))

    assert (story.types, story.only.tx.paid) == (["detected"], HALF_A_BITCOIN)
    assert story.only.forecast is not None


def test_once_its_coins_are_known_an_announced_whale_has_its_fee_and_a_forecast() -> None:
    story = seen_without_a_fee(PAYS)
    (question,) = (one for one in story.questions if isinstance(one, AskPrevouts))
    story.unanswered(question)
    assert story.only.tx.paid is None
    story.receive(prevouts_of(PAYS))

    assert (story.types, story.only.tx.paid) == (["detected", "updated"], HALF_A_BITCOIN)
    assert story.only.forecasts[-1].made_at == story.at


def test_some_of_its_coins_say_nothing_of_its_fee() -> None:
    story, known = seen_without_a_fee(PAYS), prevouts_of(PAYS)
    story.receive(replace(known, prevouts=dict([*known.prevouts.items()][:1])))

    assert story.only.tx.paid is None


def test_coins_that_bring_less_than_it_pays_out_are_of_somebody_who_errs_and_give_no_fee() -> None:
    story = seen_without_a_fee(replace(PAYS, outputs=(pays(a_script("shop"), 303),)))
    story.receive(prevouts_of(PAYS))

    assert story.only.tx.paid is None


def test_a_fee_that_a_source_tells_is_not_worked_out() -> None:
    story = Story()
    story.start()
    story.seen(without_prevouts(replace(PAYS, fee=1_000)))
    story.receive(prevouts_of(PAYS))

    assert story.only.tx.paid == 1_000


def test_a_fee_that_a_source_tells_later_takes_the_place_of_the_one_that_was_worked_out() -> None:
    story = seen_without_a_fee(PAYS)
    story.receive(prevouts_of(PAYS))

    assert story.seen(replace(PAYS, fee=1_000)) == ["updated"]
    assert (story.only.tx.paid, story.only.forecasts[-1].made_at) == (1_000, story.at)


def test_the_same_fee_from_a_source_is_no_news() -> None:
    story = seen_without_a_fee(PAYS)
    story.receive(prevouts_of(PAYS))

    assert story.seen(replace(PAYS, fee=HALF_A_BITCOIN)) == []
    assert story.only.tx.fee == HALF_A_BITCOIN


def test_one_whose_fee_was_worked_out_is_not_asked_for_with_each_listing() -> None:
    story = seen_without_a_fee(PAYS)
    story.receive(prevouts_of(PAYS))
    story.listed(PAYS)

    assert not asks_for(story, PAYS)


def test_a_fee_told_after_its_package_is_published_though_it_changes_nothing_else() -> None:
    story = seen_without_a_fee(replace(PAYS, package_feerate=SatPerVb(80.0)))
    story.receive(prevouts_of(PAYS))

    assert story.seen(replace(PAYS, fee=1_000, package_feerate=SatPerVb(80.0))) == ["updated"]


def lined(feerate: float) -> Story:
    story = Story()
    story.start()
    story.projected(PAYS, feerate)
    return story


def test_of_two_lines_the_later_one_tells_what_its_package_pays() -> None:
    story = lined(80.0)
    story.projected(PAYS, 10.0)
    story.published(replace(PAYS, fee=None))

    assert story.only.package_feerate == 10.0


@pytest.mark.parametrize("when", ["before it is whole", "before its coins are known"])
def test_a_package_that_changes_before_the_announcement_counts(when: str) -> None:
    story = lined(80.0)
    change = PackageReply(txid=PAYS.txid, package_feerate=SatPerVb(10.0), related=None, source=WS)
    if when == "before it is whole":
        story.receive(change)
    story.published(replace(without_prevouts(PAYS), fee=None))
    if when == "before its coins are known":
        story.receive(change)
    story.receive(prevouts_of(PAYS))

    assert (story.types, story.only.package_feerate) == (["detected"], 10.0)


def test_a_line_of_one_whose_coins_are_being_asked_for_tells_of_its_package() -> None:
    story = seen_without_a_fee(PAYS)
    story.projected(PAYS, 10.0)
    story.projected(PAYS)
    story.receive(prevouts_of(PAYS))

    assert story.only.package_feerate == 10.0


def test_what_its_line_told_of_the_package_counts_once_it_is_known_whole() -> None:
    story = Story()
    story.start()
    story.projected(PAYS, 80.0)
    story.published(replace(PAYS, fee=None))

    assert story.only.package_feerate == 80.0


def reorged_without_a_fee() -> Story:
    """A replacement is mined before anybody could be asked what it pays, and waits again."""
    story = Story()
    story.start()
    story.seen(WHALE)
    story.replaced(WHALE, by=UNPRICED)
    story.connected(a_block(1, UNPRICED))
    story.connected(a_block(1, branch="b", on=""), a_block(2, branch="b"))
    return story


def test_the_fee_of_one_that_a_reorg_brings_back_is_asked_for() -> None:
    assert asks_for(reorged_without_a_fee(), DEARER)


def test_the_fee_of_one_that_waits_is_asked_for_with_each_listing_until_it_is_known() -> None:
    story = reorged_without_a_fee()
    story.listed(DEARER)
    assert asks_for(story, DEARER)
    story.published(DEARER)
    story.listed(DEARER)

    assert (story.only.tx.fee, asks_for(story, DEARER)) == (DEARER.fee, False)


@pytest.mark.parametrize("is_announced", [True, False])
def test_the_fee_that_a_line_tells_is_kept_where_a_source_without_fees_gives_the_whole(
    *, is_announced: bool
) -> None:
    story = Story(forecast_source=forecasting())
    story.start()
    story.projected(WHALE, 50)
    if is_announced:
        story.unanswered(AskTransaction(WHALE.txid))
    story.published(replace(without_prevouts(WHALE), fee=None), source=SourceName.ELECTRS)
    if not is_announced:
        (question,) = (one for one in story.questions if isinstance(one, AskPrevouts))
        story.unanswered(question)

    assert (story.only.tx.paid, story.only.effective_feerate) == (1_000, 50)
    assert Flag.CPFP in story.only.all_flags


def test_the_fee_that_its_block_tells_is_kept_where_a_source_without_fees_gives_the_whole() -> None:
    story, block = mined_and_given_whole_by_nobody("none"), a_block(1, WHALE)
    story.published(replace(without_prevouts(WHALE), fee=None), block, source=SourceName.ELECTRS)

    assert (story.only.tx.paid, len(story.only.tx.outputs)) == (1_000, len(WHALE.outputs))


@pytest.mark.parametrize("is_announced", [True, False])
def test_the_fee_that_a_line_tells_is_learnt_of_one_that_a_source_without_fees_gave_whole(
    *, is_announced: bool
) -> None:
    story, whole = Story(forecast_source=forecasting()), replace(without_prevouts(WHALE), fee=None)
    story.start()
    story.seen(whole, source=SourceName.ELECTRS)
    (question,) = (one for one in story.questions if isinstance(one, AskPrevouts))
    if is_announced:
        story.unanswered(question)
    story.projected(WHALE, 50)
    if not is_announced:
        story.unanswered(question)

    assert (story.only.tx.paid, story.only.effective_feerate) == (1_000, 50)
    assert Flag.CPFP in story.only.all_flags


def test_the_fee_that_a_line_tells_is_kept_of_a_replacement_that_a_source_without_fees_reports() -> None:
    story = Story()
    story.start()
    story.seen(WHALE)
    story.projected(DEARER)
    story.replaced(WHALE, by=UNPRICED, source=SourceName.BITCOIND)

    assert (story.only.txid, story.only.tx.fee) == (DEARER.txid, DEARER.fee)


def test_a_replacement_that_is_told_as_mined_is_told_by_its_line_where_nobody_gives_it_whole() -> None:
    story = Story()
    story.start()
    story.projected(DEARER)
    story.replaced(a_whale(150, coins=("three",)), by=UNPRICED, mined=True)
    story.unanswered(AskTransaction(DEARER.txid))

    assert (story.types, story.only.tx.fee) == (["detected"], DEARER.fee)


@pytest.mark.parametrize("said_by", ["its block", "a projected block"])
def test_the_fee_that_a_line_tells_of_a_mined_one_says_that_it_replaced_a_whale(said_by: str) -> None:
    story, block = Story(), a_block(1, DEARER)
    story.start()
    story.seen(WHALE)
    if said_by == "a projected block":
        block = replace(block, entries=None, txids=None)
        story.projected(DEARER)
    story.connected(block)
    story.published(UNPRICED, block, source=SourceName.ELECTRS)

    assert story.types == ["detected", "replaced", "confirmed"]
    assert (story.only.txid, story.only.tx.fee) == (DEARER.txid, DEARER.fee)


@pytest.mark.parametrize("line", [0, 1, 2])
def test_a_wrong_fee_that_a_line_tells_gives_way_to_what_its_coins_say_in_any_order(line: int) -> None:
    story = Story()
    story.start()
    steps: list[Callable[[], object]] = [
        lambda: story.published(replace(without_prevouts(PAYS), fee=None), source=SourceName.ELECTRS),
        lambda: story.receive(prevouts_of(PAYS)),
    ]
    steps.insert(line, lambda: story.projected(replace(PAYS, fee=Sats(900))))
    for step in steps:
        step()

    assert story.only.tx.paid == HALF_A_BITCOIN


@pytest.mark.parametrize("reported_by", [SourceName.MEMPOOL_WS, SourceName.BITCOIND])
def test_a_wrong_fee_that_a_line_told_of_a_whale_gives_way_to_what_its_coins_and_a_source_say(
    reported_by: SourceName,
) -> None:
    story = Story()
    story.start()
    story.projected(replace(PAYS, fee=Sats(900)))
    story.published(replace(without_prevouts(PAYS), fee=None), source=SourceName.ELECTRS)
    (question,) = (one for one in story.questions if isinstance(one, AskPrevouts))
    story.unanswered(question)
    story.receive(prevouts_of(PAYS))
    story.seen(replace(PAYS, fee=Sats(HALF_A_BITCOIN)), source=reported_by)

    assert story.only.tx.paid == HALF_A_BITCOIN


def test_of_two_fees_that_no_coins_prove_the_first_is_kept() -> None:
    story = Story()
    story.start()
    story.seen(WHALE)
    story.seen(replace(without_prevouts(WHALE), fee=Sats(7)), source=SourceName.BITCOIND)

    assert story.only.tx.fee == WHALE.fee


def test_a_node_says_nothing_of_what_children_pay_so_the_line_is_kept_and_the_package_asked_for() -> None:
    story, entry = Story(forecast_source=forecasting()), replace(WHALE, package_feerate=SatPerVb(10))
    story.start()
    story.projected(WHALE, 50)
    story.seen(entry, source=SourceName.BITCOIND)

    assert story.only.effective_feerate == 50
    assert AskPackage(WHALE.txid) in story.questions


def test_of_a_large_one_that_is_no_whale_no_package_is_asked_for_with_each_line() -> None:
    story = Story()
    story.start()
    for feerate in (20, 30):
        story.projected(CHANGE, feerate)
        story.published(replace(CHANGE, package_feerate=SatPerVb(10)))

    assert (story.kept, AskPackage(CHANGE.txid) in story.questions) == ({}, False)


def test_what_a_line_tells_of_a_whale_without_a_fee_is_one_update() -> None:
    story, whole = Story(forecast_source=forecasting()), replace(without_prevouts(WHALE), fee=None)
    story.start()
    story.seen(whole, source=SourceName.ELECTRS)
    (question,) = (one for one in story.questions if isinstance(one, AskPrevouts))
    story.unanswered(question)
    story.projected(WHALE, 50)

    assert (story.types, story.only.tx.fee) == (["detected", "updated"], WHALE.fee)
    assert story.only.effective_feerate == 50


@pytest.mark.parametrize("given", ["reported", "fetched"])
def test_the_fee_that_its_line_tells_is_kept_of_a_named_replacement_too(given: str) -> None:
    story = Story()
    story.start()
    story.projected(WHALE)
    story.unanswered(AskTransaction(WHALE.txid))
    story.projected(DEARER)
    story.gone(WHALE, replaced_by=DEARER.txid)
    if given == "reported":
        story.seen(UNPRICED, source=SourceName.ELECTRS)
    else:
        story.published(UNPRICED, source=SourceName.ELECTRS)

    assert (story.only.txid, story.only.tx.fee) == (DEARER.txid, DEARER.fee)


def test_a_package_that_a_line_and_the_whole_transaction_tell_differently_is_asked_for() -> None:
    story = Story(forecast_source=forecasting())
    story.start()
    story.projected(WHALE, 10)
    story.receive(PackageReply(txid=WHALE.txid, package_feerate=SatPerVb(50), related=None, source=WS))
    story.published(replace(WHALE, package_feerate=SatPerVb(10)))

    assert AskPackage(WHALE.txid) in story.questions
