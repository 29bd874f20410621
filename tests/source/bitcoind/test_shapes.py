"""What a package pays, from what the node says of its members."""

from decimal import Decimal

import pytest

from app.source.bitcoind.shapes import EntryFees, MempoolEntry, package_feerate, with_entry
from tests.builders import a_script, a_transaction, pays, spends


def an_entry(
    fee: int,
    vsize: int = 100,
    ancestors: tuple[int, int] | None = None,
    delta: int = 0,
    chunk: tuple[int, int] | None = None,
) -> MempoolEntry:
    """Fees in satoshi; `ancestors` and `chunk` are (fees, vsize), itself included."""
    ancestor_fees, ancestor_size = ancestors or (fee, vsize)
    return MempoolEntry(
        vsize=vsize,
        weight=vsize * 4,
        ancestorcount=1,
        ancestorsize=ancestor_size,
        descendantcount=1,
        fees=EntryFees(
            base=btc(fee),
            modified=btc(fee + delta),
            ancestor=btc(ancestor_fees + delta),
            descendant=btc(fee + delta),
            chunk=btc(chunk[0]) if chunk else None,
        ),
        chunkweight=chunk[1] * 4 if chunk else None,
    )


def btc(sats: int) -> Decimal:
    return Decimal(sats) / 100_000_000


def test_alone_it_pays_its_own_feerate() -> None:
    assert package_feerate(an_entry(500)) == 5.0


def test_poor_ancestors_weigh_it_down() -> None:
    assert package_feerate(an_entry(900, ancestors=(1_000, 200))) == 5.0


def test_rich_ancestors_do_not_lift_it() -> None:
    assert package_feerate(an_entry(100, ancestors=(10_000, 200))) == 1.0


@pytest.mark.parametrize("delta", [-10_000_000, 10_000_000])
def test_the_operators_own_delta_is_left_out(delta: int) -> None:
    assert package_feerate(an_entry(500, delta=delta)) == 5.0


def test_the_nodes_own_chunk_is_believed() -> None:
    assert package_feerate(an_entry(500, chunk=(3_000, 200))) == 15.0


@pytest.mark.parametrize("delta", [-400, 100_000])
def test_a_chunk_with_the_operators_delta_is_not_believed(delta: int) -> None:
    assert package_feerate(an_entry(500, delta=delta, chunk=(500 + delta, 100))) == 5.0


@pytest.mark.parametrize(("vsize", "counted"), [(141, 140.25), (400, 400)])
def test_where_sigops_weigh_more_than_bytes_the_node_counts_them(vsize: int, counted: float) -> None:
    plain = a_transaction(spends=[spends(a_script("a"), 2)], pays=[pays(a_script("b"), 1)], vsize=140.25)

    known = with_entry(plain, an_entry(4_000, vsize))

    assert known.vsize == counted
    assert not known.is_of_package(known.package_feerate)
