"""What arrives together is told parents first, in whatever order the backend lists it."""

import random
from typing import Any

import msgspec
import pytest

from app.core.models import Transaction
from app.core.observations import Observation, TransactionSeen, TransactionsSeen
from app.core.units import Sats
from app.source.backend.frames import AT_ONCE, FrameReader
from app.source.backend.parents import parents_first
from tests.builders import a_script, a_transaction, pays, spends
from tests.core.story import THRESHOLD, Story
from tests.core.tracking.test_chains import a_chain


def as_added(tx: Transaction) -> dict[str, Any]:
    """As the backend writes it."""
    return {
        "txid": tx.txid,
        "fee": tx.fee,
        "weight": int((tx.vsize or 150) * 4),
        "vin": [
            {
                "txid": one.outpoint.txid,
                "vout": one.outpoint.vout,
                "prevout": {"scriptpubkey": one.script, "value": one.value},
                "scriptsig": "",
                "witness": [],
                "sequence": one.sequence,
            }
            for one in tx.inputs
        ],
        "vout": [{"scriptpubkey": one.script, "value": one.value} for one in tx.outputs],
    }


def a_payment(number: int) -> Transaction:
    return a_transaction(
        spends=[spends(a_script(("payer", number)), 3)], pays=[pays(a_script(("payee", number)), 2)]
    )


def frame_of(txs: list[Transaction]) -> bytes:
    return frame_of_added([as_added(tx) for tx in txs])


def frame_of_added(added: list[dict[str, Any]]) -> bytes:
    return msgspec.json.encode(
        {
            "mempool-transactions": {
                "sequence": 7,
                "added": added,
                "removed": [],
                "mined": [],
                "replaced": [],
            }
        }
    )


@pytest.mark.parametrize("in_bulk", [True, False])
@pytest.mark.parametrize("seed", range(10))
def test_a_chain_in_one_frame_is_one_alert_in_any_order(seed: int, *, in_bulk: bool) -> None:
    story, chain = Story(), a_chain(20, swept=False)
    small = [
        a_transaction(spends=[spends(a_script(("in", n)), 3)], pays=[pays(a_script("out"), 2)])
        for n in range(9)
    ]
    mixed = random.Random(seed).sample([*chain, *small], len(chain) + len(small))
    reader = FrameReader((lambda: THRESHOLD) if in_bulk else None)

    story.receive(*reader.feed(frame_of(mixed)))

    assert story.types.count("detected") == 1
    assert story.of(chain[0]).peel_of is None


@pytest.mark.parametrize("seed", range(3))
def test_a_chain_spread_over_a_frame_of_thousands_is_one_alert_in_any_order(seed: int) -> None:
    story, chain = Story(), a_chain(5, swept=False)
    small = as_added(a_payment(1))
    added = [small | {"txid": f"{number:064x}"} for number in range(5 * AT_ONCE // 2)]
    chance = random.Random(seed)
    for hop in chain:
        added.insert(chance.randrange(len(added)), as_added(hop))

    story.receive(*FrameReader(lambda: THRESHOLD).feed(frame_of_added(added)))

    assert story.types.count("detected") == 1
    assert story.of(chain[0]).peel_of is None
    assert len(story.kept) == len(chain)


def test_nothing_is_lost_where_a_transaction_cannot_be_read_or_stands_there_twice() -> None:
    first, second, third = a_chain(3, swept=True)
    broken = as_added(second) | {"vout": [{"value": 500_0000_0000}]}
    raw = msgspec.json.encode(
        {
            "mempool-transactions": {
                "sequence": 7,
                "added": [as_added(third), broken, as_added(first), as_added(first)],
                "removed": [],
                "mined": [],
                "replaced": [],
            }
        }
    )

    assert seen(list(FrameReader(lambda: Sats(1)).feed(raw))) == {first.txid, third.txid}


def test_a_ring_of_parents_cannot_be_and_is_read_all_the_same() -> None:
    first, second = a_chain(2, swept=True)
    coin = spends(a_script("ring"), 900, outpoint=second.inputs[0].outpoint._replace(txid=second.txid))
    ring = [a_transaction(spends=[coin], pays=list(first.outputs)), second]

    assert len(parents_first(ring)) == 2


def seen(observations: list[Observation]) -> set[str]:
    found = {one.tx.txid for one in observations if isinstance(one, TransactionSeen)}
    return found | {
        txid for one in observations if isinstance(one, TransactionsSeen) for txid in one.batch.txids
    }
