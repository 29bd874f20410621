"""Which of the mempool's transactions were looked at."""

from hypothesis import given
from hypothesis import strategies as st

from app.core.observations import TransactionGlimpsed, TransactionSeen
from app.core.units import Sats, Txid
from app.source.examined import Examined
from tests.builders import a_txid
from tests.core.story import WS, a_whale


def txids(*seeds: object) -> list[Txid]:
    return [a_txid(seed) for seed in seeds]


def test_what_was_never_looked_at_is_returned_in_order() -> None:
    examined = Examined()
    examined.add(a_txid(2))

    assert examined.reconcile(txids(1, 2, 3)) == txids(1, 3)


def test_what_was_listed_once_is_not_returned_again() -> None:
    examined = Examined()
    examined.reconcile(txids(1, 2))

    assert examined.reconcile(txids(1, 2, 3)) == txids(3)


def test_what_is_no_longer_listed_is_forgotten() -> None:
    examined = Examined()
    examined.reconcile(txids(1, 2))
    examined.reconcile(txids(2))

    assert (len(examined), examined.reconcile(txids(1, 2))) == (1, txids(1))


def test_an_empty_mempool_forgets_all() -> None:
    examined = Examined()
    examined.add(a_txid(1))

    assert (examined.reconcile([]), len(examined)) == ([], 0)


def test_what_is_seen_or_glimpsed_counts_as_looked_at() -> None:
    examined, whale = Examined(), a_whale()
    glimpse = TransactionGlimpsed(
        txid=a_txid(9), value=Sats(1), fee=None, vsize=None, package_feerate=None, source=WS
    )
    list(examined.noting([TransactionSeen(tx=whale, source=WS), glimpse]))

    assert examined.reconcile([whale.txid, a_txid(9)]) == []


def test_observations_pass_unchanged() -> None:
    told = [TransactionSeen(tx=a_whale(), source=WS)]

    assert list(Examined().noting(told)) == told


@given(st.lists(st.lists(st.integers(0, 30), unique=True), max_size=6))
def test_it_agrees_with_a_set(listings: list[list[int]]) -> None:
    examined, model = Examined(), set[int]()
    for listing in listings:
        assert examined.reconcile(txids(*listing)) == txids(*(one for one in listing if one not in model))
        model = set(listing)
