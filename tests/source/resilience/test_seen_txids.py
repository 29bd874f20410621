"""Which of the mempool's transactions were looked at."""

from hypothesis import given
from hypothesis import strategies as st

from app.core.observations import ProjectedTransaction, TransactionSeen
from app.core.units import Sats, Txid
from app.source.resilience.seen_txids import RECENT, SeenTxids
from tests.builders import a_txid, a_whale
from tests.core.story import WS


def txids(*seeds: object) -> list[Txid]:
    return [a_txid(seed) for seed in seeds]


def test_what_was_never_looked_at_is_returned_in_order() -> None:
    seen_txids = SeenTxids()
    seen_txids.add(a_txid(2))

    assert seen_txids.reconcile(txids(1, 2, 3)) == txids(1, 3)


def seen_txids_of(*seeds: object) -> SeenTxids:
    seen_txids = SeenTxids()
    for txid in txids(*seeds):
        seen_txids.add(txid)
    return seen_txids


def test_what_was_listed_and_not_read_is_returned_again() -> None:
    seen_txids = SeenTxids()
    seen_txids.reconcile(txids(1, 2))

    assert seen_txids.reconcile(txids(1, 2, 3)) == txids(1, 2, 3)


def test_what_was_read_once_is_not_returned_again() -> None:
    seen_txids = seen_txids_of(1, 2)
    seen_txids.reconcile(txids(1, 2))

    assert seen_txids.reconcile(txids(1, 2, 3)) == txids(3)


def test_what_is_no_longer_listed_is_forgotten() -> None:
    seen_txids = seen_txids_of(1, 2)
    seen_txids.reconcile(txids(2))

    assert (len(seen_txids), seen_txids.reconcile(txids(1, 2))) == (1, txids(1))


def test_it_knows_what_it_holds_before_and_after_a_listing() -> None:
    seen_txids = seen_txids_of(1, 2)
    seen_txids.reconcile(txids(1, 2))
    seen_txids.add(a_txid(3))

    assert [txid in seen_txids for txid in txids(1, 2, 3, 4)] == [True, True, True, False]


def test_an_empty_mempool_forgets_all() -> None:
    seen_txids = SeenTxids()
    seen_txids.add(a_txid(1))

    assert (seen_txids.reconcile([]), len(seen_txids)) == ([], 0)


def test_what_is_seen_or_glimpsed_counts_as_looked_at() -> None:
    seen_txids, whale = SeenTxids(), a_whale()
    projected = ProjectedTransaction(
        txid=a_txid(9), value=Sats(1), fee=None, vsize=None, package_feerate=None, source=WS
    )
    list(seen_txids.noting([TransactionSeen(tx=whale, source=WS), projected]))

    assert seen_txids.reconcile([whale.txid, a_txid(9)]) == []


def test_observations_pass_unchanged() -> None:
    reported = [TransactionSeen(tx=a_whale(), source=WS)]

    assert list(SeenTxids().noting(reported)) == reported


def test_more_than_are_held_one_by_one_are_remembered() -> None:
    seen_txids = SeenTxids()
    many = txids(*range(RECENT + 10))
    for txid in many:
        seen_txids.add(txid)
        seen_txids.add(txid)

    assert (len(seen_txids), seen_txids.reconcile(many)) == (len(many), [])


@given(
    st.lists(st.tuples(st.lists(st.integers(0, 30), unique=True), st.sets(st.integers(0, 30))), max_size=6)
)
def test_it_agrees_with_a_set(rounds: list[tuple[list[int], set[int]]]) -> None:
    seen_txids, model = SeenTxids(), set[int]()
    for listing, read in rounds:
        assert seen_txids.reconcile(txids(*listing)) == txids(*(one for one in listing if one not in model))
        for one in read:
            seen_txids.add(a_txid(one))
        model = model & set(listing) | read
