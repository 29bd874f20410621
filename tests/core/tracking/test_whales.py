"""The set of whales in memory agrees with a plain list of them, whatever is put."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.core.classification import Classification, Flow, MovedIs
from app.core.models import SourceName
from app.core.prediction import Prediction, Status
from app.core.tracking import lifecycle
from app.core.tracking.whales import Bounds, Whales
from app.core.units import Outpoint, Sats
from tests.builders import a_block, a_coin, a_whale
from tests.fakes import NOON


def a_prediction(*coins: object, fee: int = 1_000) -> Prediction:
    tx = a_whale(150, coins=coins, fee=fee)
    classification = Classification(
        flow=Flow.UNKNOWN,
        gross=tx.gross,
        moved=tx.gross,
        moved_low=Sats(0),
        moved_high=tx.gross,
        moved_is=MovedIs.UP_TO,
        internal=Sats(0),
    )
    return lifecycle.begin(tx, classification, source=SourceName.MEMPOOL_WS, at=NOON, tip=None)


def replaced(whale: Prediction, *coins: object, fee: int) -> Prediction:
    return lifecycle.take_over(
        whale, a_whale(150, coins=coins, fee=fee), whale.classification, NOON, tip=None, fee_spike=False
    )


def holding(*predictions: Prediction, bounds: Bounds | None = None) -> Whales:
    whales = Whales(bounds or Bounds())
    for one in predictions:
        whales.put(one)
    return whales


def test_a_whale_is_found_by_its_txid() -> None:
    whale = a_prediction("a")

    assert holding(whale).find(whale.txid) == whale


def test_a_whale_is_found_by_a_txid_it_had() -> None:
    whale = a_prediction("a")
    later = replaced(whale, "a", fee=2_000)
    whales = holding(whale, later)

    assert (whales.find(whale.txid), whales.current(whale.txid)) == (later, None)


def test_a_whale_is_found_by_a_coin_it_spends() -> None:
    whale = a_prediction("a", "b")

    assert holding(whale).spenders([a_coin("b"), a_coin("a")]) == (whale,)


def test_two_that_spend_one_coin_are_both_found() -> None:
    one, two = a_prediction("a"), a_prediction("a", fee=2_000)

    assert holding(one, two).spenders([a_coin("a")]) == (one, two)


def test_when_one_of_two_ends_the_other_still_spends_the_coin() -> None:
    one, two = a_prediction("a"), a_prediction("a", fee=2_000)
    whales = holding(one, two, lifecycle.drop(two, NOON, "gone"))

    assert whales.spenders([a_coin("a")]) == (one,)


def test_a_coin_that_only_the_version_before_spent_is_free() -> None:
    whale = a_prediction("a")

    assert holding(whale, replaced(whale, "b", fee=2_000)).spenders([a_coin("a")]) == ()


def test_a_confirmed_whale_is_found_by_its_block() -> None:
    whale, block = a_prediction("a"), a_block(1)
    confirmed = lifecycle.confirm(whale, block, NOON + timedelta(seconds=1))

    assert holding(whale, confirmed).in_block(block.hash) == (confirmed,)


def test_an_undone_whale_is_in_no_block() -> None:
    whale, block = a_prediction("a"), a_block(1)
    confirmed = lifecycle.confirm(whale, block, NOON)

    assert holding(confirmed, lifecycle.unconfirm(confirmed, NOON, "reorg")).in_block(block.hash) == ()


def test_the_ended_are_forgotten_oldest_first() -> None:
    ended = [lifecycle.drop(a_prediction(name), NOON, "gone") for name in "abc"]
    whales = holding(*ended, bounds=Bounds(ended=2))

    assert list(whales.ended()) == ended[1:]
    assert whales.find(ended[0].txid) is None


def test_who_is_forgotten_for_another_is_named() -> None:
    one, two, three = (lifecycle.drop(a_prediction(name), NOON, "gone") for name in "abc")
    whales = Whales(Bounds(ended=2))

    assert [whales.put(each) for each in (one, two, replace(two, version=9), three)] == [
        None,
        None,
        None,
        one,
    ]


def test_within_the_bound_nobody_is_shed() -> None:
    assert holding(a_prediction("a"), bounds=Bounds(pending=1)).unload_oldest() is None


def test_beyond_the_bound_the_one_without_news_longest_is_shed() -> None:
    one, two = a_prediction("a"), a_prediction("b")
    whales = holding(one, two, replace(one, version=2), bounds=Bounds(pending=1))

    assert whales.unload_oldest() == two
    assert len(whales) == 1


def test_an_older_version_that_is_a_whale_of_its_own_keeps_its_txid() -> None:
    first = a_prediction("a")
    later = replaced(first, "a", fee=2_000)
    own = replace(first, prediction_id="whl_other")
    whales = holding(later, own, replace(later, version=9))

    assert whales.current(first.txid) == own


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(("put", "drop", "confirm", "replace"))), max_size=30
    )
)
def test_it_agrees_with_a_plain_list(steps: list[tuple[int, str]]) -> None:
    whales, model = Whales(Bounds()), dict[int, Prediction]()
    for number, (which, step) in enumerate(steps):
        whale = model.get(which) or a_prediction(which, "shared")
        if step == "drop":
            waiting = (
                whale if whale.status is not Status.CONFIRMED else lifecycle.unconfirm(whale, NOON, "reorg")
            )
            whale = lifecycle.drop(waiting, NOON, "gone")
        elif step == "confirm":
            waiting = whale if whale.status is not Status.DROPPED else lifecycle.come_back(whale, NOON)
            whale = lifecycle.confirm(waiting, a_block(1), NOON)
        elif step == "replace" and whale.status is Status.PENDING:
            whale = replaced(whale, which, "shared", fee=5_000 + number)
        model[which] = whale
        whales.put(whale)
        pending = {one.txid for one in model.values() if one.status is Status.PENDING}
        assert {one.txid for one in whales.pending()} == pending
        assert {one.txid for one in whales.spenders([a_coin("shared")])} == pending
        assert all(whales.current(one.txid) == one for one in model.values())


def test_it_says_whether_one_of_several_transactions_is_or_was_one_of_a_whales() -> None:
    whale, stranger = a_prediction("a"), a_whale(1, coins=("x",))
    later = replaced(whale, "a", fee=2_000)
    whales = holding(whale, later)

    assert whales.has_any([stranger.txid, later.txid])
    assert whales.has_any([whale.txid])
    assert not whales.has_any([stranger.txid])
    assert not whales.has_any([])
    whales.remove(whale.prediction_id)
    assert not whales.has_any([whale.txid, later.txid])


def test_a_transaction_is_spent_from_until_the_last_whale_that_does_is_gone() -> None:
    parent = a_coin("parent").txid
    both = [a_prediction(number) for number in range(2)]
    for number, whale in enumerate(both):
        spent = replace(whale.tx.inputs[0], outpoint=Outpoint(parent, number))
        both[number] = replace(whale, tx=replace(whale.tx, inputs=(spent,)))
    whales = holding(*both)

    assert whales.spends_from_any([parent])
    assert not whales.spends_from_any([a_coin("another").txid])
    whales.remove(both[0].prediction_id)
    assert whales.spends_from_any([parent])
    whales.remove(both[1].prediction_id)
    assert not whales.spends_from_any([parent])


def test_a_whale_that_left_its_block_is_in_it_no_more() -> None:
    whale, block = a_prediction("a"), a_block(1)
    confirmed = lifecycle.confirm(whale, block, NOON)
    whales = holding(whale, confirmed)
    assert whales.in_block(block.hash) == (confirmed,)
    whales.put(lifecycle.unconfirm(confirmed, NOON, "reorganised"))

    assert whales.in_block(block.hash) == ()
    assert whales.in_block(a_block(2).hash) == ()


def test_a_coin_has_no_spender_once_its_whale_has_ended() -> None:
    whale = a_prediction("a")
    whales = holding(whale, lifecycle.drop(whale, NOON, "expired"))

    assert whales.spenders([a_coin("a")]) == ()
    assert list(whales.pending()) == []


def test_a_whale_that_was_confirmed_in_another_block_since_is_in_that_one_alone() -> None:
    whale, other = a_prediction("a"), a_prediction("b")
    first, second = a_block(1, whale.tx, other.tx), a_block(2, whale.tx)
    confirmed = lifecycle.confirm(whale, first, NOON)
    stays = lifecycle.confirm(other, first, NOON)
    whales = holding(confirmed, stays, lifecycle.confirm(whale, second, NOON))

    assert whales.in_block(first.hash) == (stays,)
    assert [one.txid for one in whales.in_block(second.hash)] == [whale.txid]


def test_a_whale_that_waits_again_and_is_confirmed_elsewhere_leaves_nothing_in_its_first_block() -> None:
    whale = a_prediction("a")
    first, second = a_block(1, whale.tx), a_block(2, whale.tx)
    confirmed = lifecycle.confirm(whale, first, NOON)
    waits = lifecycle.unconfirm(confirmed, NOON, "reorganised away")
    whales = holding(confirmed, waits, lifecycle.confirm(waits, second, NOON))

    assert (whales.in_block(first.hash), len(whales.in_block(second.hash))) == ((), 1)
    whales.remove(whale.prediction_id)
    whales.put(lifecycle.drop(waits, NOON, "expired"))
    assert (whales.in_block(first.hash), whales.in_block(second.hash)) == ((), ())
