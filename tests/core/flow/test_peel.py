"""What makes one transaction the hop of a chain, and which output the chain goes on from."""

from dataclasses import replace

import pytest

from app.core.classification import Flag
from app.core.flow.peel import Hop, PeelMemory, hop_of, remainder_index
from app.core.models import Transaction
from app.core.units import NO_TXID, Outpoint
from tests.builders import a_coin, a_script, a_transaction, pays, spends

COIN = spends(a_script("ann"), 1_000, outpoint=a_coin("one"))


def paying(*btc: float) -> Transaction:
    return a_transaction(
        spends=[COIN], pays=[pays(a_script(number), one) for number, one in enumerate(btc)], vsize=100
    )


@pytest.mark.parametrize(
    ("btc", "goes_on"),
    [((100, 10), 0), ((10, 100), 1), ((99.99999999, 10), None), ((10, 99.99999999), None), ((50, 50), None)],
)
def test_a_remainder_is_ten_times_the_payment(btc: tuple[float, float], goes_on: int | None) -> None:
    assert remainder_index(paying(*btc)) == goes_on


def test_a_peel_goes_on_from_its_remainder() -> None:
    assert hop_of(paying(1, 100)) == Hop(Flag.PEEL, 1)


def test_a_coin_that_is_moved_whole_goes_on_from_its_only_output() -> None:
    assert hop_of(paying(100)) == Hop(Flag.SWEEP, 0)


def test_two_outputs_alike_are_no_hop() -> None:
    assert hop_of(paying(50, 50)) is None


def test_two_inputs_into_one_output_are_no_hop() -> None:
    tx = paying(100)

    assert hop_of(replace(tx, inputs=(COIN, replace(COIN, outpoint=a_coin("two"))))) is None


def test_newly_mined_coins_and_burnt_ones_are_no_hop() -> None:
    mined = replace(paying(100), inputs=(replace(COIN, outpoint=Outpoint(NO_TXID, 0)),))
    burnt = a_transaction(spends=[COIN], pays=[pays(a_script("x", "op_return"), 100)], vsize=100)

    assert (hop_of(mined), hop_of(burnt)) == (None, None)


def test_a_chain_of_peels_is_not_carried_on_by_a_sweep() -> None:
    peels, first = PeelMemory(), paying(1, 100)
    peels.remember(first, "root", 1)
    onward = a_transaction(
        spends=[spends(a_script(1), 100, outpoint=Outpoint(first.txid, 1))],
        pays=[pays(a_script("x"), 99)],
        vsize=100,
    )

    assert peels.root_of(onward) is None
