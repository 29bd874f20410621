"""One coin that is spent hop by hop is one alert, in whichever order its hops arrive."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from app.core.models import Output, Transaction
from app.core.observations import PackageReply, ProjectedTransaction
from app.core.prediction import Status
from app.core.questions import AskPrevouts, AskTransaction
from app.core.tracking.whales import Bounds
from app.core.units import Outpoint, SatPerVb, Sats, Script
from tests.builders import (
    a_coin,
    a_script,
    a_transaction,
    a_whale,
    entities,
    pays,
    prevouts_of,
    spends,
    without_prevouts,
)
from tests.core.story import WS, Story


def a_chain(hops: int, *, swept: bool) -> list[Transaction]:
    """One coin, spent hop by hop: all of it, or all but a payment."""
    chain, coin, amount = [], a_coin("peeled"), 900.0
    for hop in range(hops):
        on = pays(a_script(("peel", hop + 1)), amount - 6)
        tx = a_transaction(
            spends=[spends(a_script(("peel", hop)), amount, outpoint=coin)],
            pays=[on] if swept else [pays(a_script(("shop", hop)), 5), on],
            vsize=140,
        )
        chain.append(tx)
        coin, amount = coin._replace(txid=tx.txid, vout=len(tx.outputs) - 1), amount - 6
    return chain


def a_line(tx: Transaction) -> ProjectedTransaction:
    assert tx.fee is not None
    assert tx.vsize is not None
    return ProjectedTransaction(
        txid=tx.txid, value=tx.gross, fee=tx.fee, vsize=tx.vsize, package_feerate=None, source=WS
    )


def test_that_a_hop_is_back_after_its_end_is_published_as_its_end_was() -> None:
    story, (root, hop) = Story(), a_chain(2, swept=False)
    story.start()
    story.seen(root, hop)
    story.left(hop)
    story.gone(hop)

    assert story.seen(hop) == ["updated"]
    assert story.of(hop).status is Status.PENDING


@pytest.mark.parametrize("swept", [True, False])
def test_hops_of_a_chain_are_updates_of_its_one_alert(*, swept: bool) -> None:
    story, chain = Story(), a_chain(3, swept=swept)
    story.seen(*chain)

    assert story.types == ["detected", "updated", "updated"]
    assert {event.prediction.txid for event in story.events if event.prediction} == {chain[0].txid}
    assert [story.of(tx).peel_of for tx in chain[1:]] == [story.of(chain[0]).prediction_id] * 2


def test_the_one_alert_of_a_chain_says_where_the_coin_went_last() -> None:
    story, chain = Story(), a_chain(3, swept=False)
    story.seen(*chain)

    assert [step for step in story.of(chain[0]).classification.evidence if "moved on" in step] == [
        f"what it left over was moved on, lately by {chain[2].txid}"
    ]


@pytest.mark.parametrize("swept", [True, False])
def test_a_chain_that_arrives_backwards_is_one_alert(*, swept: bool) -> None:
    story = Story()
    story.seen(*reversed(a_chain(6, swept=swept)))

    assert story.types.count("detected") == 1


@pytest.mark.parametrize("seed", range(20))
def test_a_chain_whose_prevouts_are_answered_in_any_order_is_one_alert(seed: int) -> None:
    story, chain = Story(), a_chain(12, swept=False)
    story.seen(*(without_prevouts(tx) for tx in chain))
    story.receive(*(prevouts_of(tx) for tx in random.Random(seed).sample(chain, len(chain))))

    assert story.types.count("detected") == 1
    assert story.of(chain[0]).peel_of is None
    assert len(story.kept) == len(chain)


def test_a_hop_whose_parent_cannot_be_asked_about_is_announced_all_the_same() -> None:
    story, chain = Story(), a_chain(2, swept=False)
    story.seen(*(without_prevouts(tx) for tx in chain))
    story.receive(prevouts_of(chain[1]))
    story.unanswered(AskPrevouts(chain[0].txid, (chain[0].inputs[0].outpoint,)))

    assert len(story.kept) == 2


@pytest.mark.parametrize("seed", range(4))
def test_a_chain_that_projected_blocks_name_is_one_alert_in_whichever_order_it_is_read(seed: int) -> None:
    story, chain = Story(), a_chain(6, swept=False)
    story.receive(*(a_line(tx) for tx in chain))
    for tx in random.Random(seed).sample(chain, len(chain)):
        story.published(tx)

    assert story.types.count("detected") == 1
    assert len(story.kept) == len(chain)


def test_a_hop_does_not_wait_for_a_parent_that_nobody_can_read() -> None:
    story, chain = Story(), a_chain(2, swept=False)
    story.receive(*(a_line(tx) for tx in chain))
    story.published(chain[1])
    story.unanswered(AskTransaction(chain[0].txid))

    assert len(story.kept) == 2


def test_a_coin_that_moves_again_after_a_day_is_news() -> None:
    story, (first, second) = Story(), a_chain(2, swept=True)
    story.seen(first)
    story.at += timedelta(days=1)
    story.seen(second)

    assert story.types == ["detected", "detected"]


def test_a_coin_swept_to_a_labelled_owner_and_on_is_two_alerts() -> None:
    first, second = a_chain(2, swept=True)
    story = Story(entities=entities((first.outputs[0].script, "Kraken")))
    story.seen(first, second)

    assert story.types == ["detected", "detected"]


def test_a_payment_beside_an_anchor_is_no_hop_so_what_it_paid_is_an_alert_of_its_own_when_spent() -> None:
    anchor = Output(value=Sats(240), script=Script("51024e73"))
    paid = pays(a_script("payee", "p2tr"), 299)
    first = a_transaction(spends=[spends(a_script("payer"), 300)], pays=[paid, anchor], vsize=135)
    coin = spends(paid.script, 299, Outpoint(first.txid, 0))
    second = a_transaction(
        spends=[coin], pays=[pays(a_script("x"), 290), pays(a_script("y"), 8.9)], vsize=154
    )
    story = Story()
    story.seen(first, second)

    assert story.types == ["detected", "detected"]


def test_a_later_hop_was_never_announced_so_its_package_is_kept_and_not_published() -> None:
    story, chain = Story(), a_chain(2, swept=False)
    story.seen(*(replace(tx, package_feerate=SatPerVb(10)) for tx in chain))
    reply = PackageReply(txid=chain[1].txid, package_feerate=SatPerVb(30), related=1, source=WS)

    assert story.receive(reply) == []
    assert story.of(chain[1]).package_feerate == 30


def test_a_hop_that_leaves_while_it_waits_for_its_parent_is_the_chains_one_alert() -> None:
    story, (parent, hop) = Story(), a_chain(2, swept=False)
    story.seen(without_prevouts(parent), hop)
    assert story.types == []
    story.left(hop)
    assert story.types == ["detected"]
    story.receive(prevouts_of(parent))

    assert story.types == ["detected", "updated"]
    assert story.of(parent).peel_of == story.of(hop).prediction_id


def test_a_hop_of_a_chain_whose_alert_is_set_aside_is_kept_and_not_announced() -> None:
    story, (first, second) = Story(bounds=Bounds(pending=1)), a_chain(2, swept=False)
    story.seen(first, a_whale(500, coins=("other",)))
    first_id = story.of(first).prediction_id
    assert story.tracker.unloaded == 1
    before = list(story.types)
    story.seen(second)

    assert story.types == before
    assert story.of(second).peel_of == first_id
