"""What pays less has replaced no whale, in whichever way it is known what each pays."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.core.models import Transaction
from app.core.prediction import Status
from app.core.questions import AskPrevouts
from app.core.tracking.replacing import outbids
from tests.builders import (
    a_block,
    a_coin,
    a_script,
    a_transaction,
    pays,
    prevouts_of,
    spends,
    without_prevouts,
)
from tests.core.story import Story

BTC = 100_000_000


def a_payment(fee: int, *coins: str, btc: float = 150) -> Transaction:
    """Of these coins, 1,000 BTC each; what neither the shop nor the miner gets goes back."""
    back = 1_000 * len(coins) - btc - fee / BTC
    return a_transaction(
        spends=[spends(a_script("owner"), 1_000, outpoint=a_coin(coin)) for coin in coins],
        pays=[pays(a_script("shop"), btc), pays(a_script("owner"), back)],
        vsize=100,
    )


def bare(tx: Transaction) -> Transaction:
    """Its coins are named, and not what they are worth."""
    return replace(without_prevouts(tx), fee=None)


WHALE = a_payment(3_000, "one")
CHEAPER, DEARER = a_payment(2_000, "one"), a_payment(4_000, "one")


@pytest.mark.parametrize(("next_spend", "published"), [(CHEAPER, "detected"), (DEARER, "replaced")])
def test_the_next_spend_of_a_dropped_whales_coin_replaced_it_only_if_it_pays_more(
    next_spend: Transaction, published: str
) -> None:
    story = Story()
    story.seen(WHALE)
    story.listed()
    story.gone(WHALE)
    story.seen(bare(next_spend))
    story.receive(prevouts_of(next_spend))

    assert story.types == ["detected", "dropped", published]


@pytest.mark.parametrize(("mined", "status"), [(CHEAPER, Status.DROPPED), (DEARER, Status.CONFIRMED)])
def test_the_coins_of_a_whale_tell_whether_what_is_mined_in_its_place_outbid_it(
    mined: Transaction, status: Status
) -> None:
    story = Story()
    story.start()
    story.seen(WHALE)
    began_with = story.only.prediction_id
    block = a_block(1, bare(mined))
    story.connected(block)
    story.published(bare(mined), block)

    (whale,) = (one for one in story.kept.values() if one.prediction_id == began_with)
    assert whale.status is status


def test_what_spends_a_coin_of_unknown_worth_too_outbids_nothing_without_its_fee() -> None:
    assert not outbids(bare(a_payment(9_000, "one", "two")), WHALE)


RIVAL = a_payment(2_000, "one", "two")
NO_WHALE = a_payment(2_000, "one", "two", btc=50)


def beside_a_rival(rival: Transaction) -> Story:
    """The whale waits; a node tells of a rival, of which a coin of its own is still asked for."""
    story = Story()
    story.seen(WHALE)
    story.seen(bare(rival))
    story.waits(WHALE)
    return story


def is_gone(story: Story) -> None:
    story.at += timedelta(minutes=5)
    story.gone(WHALE)


@pytest.mark.parametrize("rival", [RIVAL, NO_WHALE], ids=["a whale", "no whale"])
def test_a_rival_whose_coins_were_learnt_later_did_not_replace_what_pays_more(rival: Transaction) -> None:
    story = beside_a_rival(rival)
    story.receive(prevouts_of(rival))
    is_gone(story)

    assert story.of(WHALE).replaced_by is None


def test_nor_did_one_whose_fee_a_line_told_while_its_coins_are_asked_for() -> None:
    story = beside_a_rival(RIVAL)
    story.projected(RIVAL)
    is_gone(story)

    assert story.of(WHALE).replaced_by is None


def test_a_rival_of_which_nobody_knows_what_it_pays_is_taken_for_the_replacement() -> None:
    story = beside_a_rival(RIVAL)
    story.unanswered(AskPrevouts(RIVAL.txid, (a_coin("one"), a_coin("two"))))
    is_gone(story)

    assert story.of(WHALE).replaced_by == RIVAL.txid
