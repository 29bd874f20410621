"""Transactions read in bulk lead to the same as those read one by one, whatever a frame holds."""

import json
import random
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.observations import (
    Gap,
    Observation,
    Skipped,
    TransactionSeen,
    TransactionsSeen,
)
from app.core.units import Sats
from app.errors import ParseError
from app.source.backend.batch import FrameBatch, frame_with_batches
from app.source.backend.frames import AT_ONCE, FrameReader
from app.source.backend.slices import Slices
from tests.backend import wrong_types
from tests.backend.related import concluded, related
from tests.backend.transactions import BTC, a_payment
from tests.core.story import THRESHOLD, WS
from tests.source.backend.recorded_frames import a_delta, an_added_transaction, encoded, frames_by_kind

Json = dict[str, Any]
ALL_WHOLE, ALL_SMALL = Sats(0), Sats(2**60)


def feed(*frames: bytes, threshold: Sats | None = None) -> list[Observation]:
    reader = FrameReader(None if threshold is None else lambda: threshold)
    return [reported for frame in frames for reported in reader.feed(frame)]


def expanded(reported: list[Observation]) -> Iterator[Observation]:
    """Read every small transaction whole; those that do not read are left out."""
    for one in reported:
        if not isinstance(one, TransactionsSeen):
            yield one
            continue
        for index in range(len(one.batch.txids)):
            try:
                tx = one.batch.whole(index)
            except ParseError:
                continue
            assert (one.batch.txids[index], one.batch.gross[index]) == (tx.txid, tx.gross)
            assert list(one.batch.parents_of(index)) == [spent.outpoint.txid for spent in tx.inputs]
            yield TransactionSeen(tx=tx, source=one.source, late=one.late)


def complaints(reported: list[Observation]) -> int:
    return sum(isinstance(one, Skipped | Gap) for one in reported)


def without_complaints(reported: list[Observation]) -> list[Observation]:
    return [one for one in reported if not isinstance(one, Skipped | Gap)]


def assert_same(*frames: bytes) -> None:
    slow = feed(*frames)
    assert feed(*frames, threshold=ALL_WHOLE) == slow
    bulk = feed(*frames, threshold=ALL_SMALL)
    assert without_complaints(list(expanded(bulk))) == without_complaints(slow)
    assert complaints(bulk) <= complaints(slow)


def test_small_transactions_come_in_bulk() -> None:
    (bulk,) = feed(a_delta(added=[an_added_transaction()]), threshold=ALL_SMALL)

    assert isinstance(bulk, TransactionsSeen)


def test_a_large_one_comes_whole_between_the_small_ones_in_order() -> None:
    txs = [a_payment(value).wire() for value in (1 * BTC, 200 * BTC, 2 * BTC, 3 * BTC)]
    reported = feed(a_delta(added=txs), threshold=THRESHOLD)

    assert [type(one) for one in reported] == [TransactionsSeen, TransactionSeen, TransactionsSeen]
    assert [one.tx.txid for one in expanded(reported) if isinstance(one, TransactionSeen)] == [
        tx["txid"] for tx in txs
    ]


def test_many_are_divided() -> None:
    tx = an_added_transaction()
    reported = feed(a_delta(added=[tx] * (2 * AT_ONCE + 1)), threshold=ALL_SMALL)

    assert [len(one.batch.txids) for one in reported if isinstance(one, TransactionsSeen)] == [
        AT_ONCE,
        AT_ONCE,
        1,
    ]


def test_what_they_pay_is_what_each_pays() -> None:
    txs = [a_payment(1 * BTC, fee=fee).wire() for fee in (500, 5_000)] + [
        {**an_added_transaction(), "fee": -1}
    ]
    (bulk,) = feed(a_delta(added=txs), threshold=ALL_SMALL)
    assert isinstance(bulk, TransactionsSeen)

    whole = [bulk.batch.whole(index) for index in range(len(txs))]
    assert bulk.batch.paid() == [
        (tx.txid, (tx.effective_feerate, tx.vsize))
        for tx in whole
        if tx.effective_feerate is not None and tx.vsize is not None
    ]


@pytest.mark.parametrize("kind", sorted(frames_by_kind()))
def test_every_kind_of_frame_leads_to_the_same(kind: str) -> None:
    assert_same(encoded(frames_by_kind()[kind]))


@pytest.mark.parametrize("kind", [*sorted(frames_by_kind()), "conversions"])
def test_what_stands_beside_transactions_leads_to_the_same(kind: str) -> None:
    prices = {"conversions": {"time": 1700000000, "USD": 95_000, "EUR": 90_000}}
    assert_same(encoded(frames_by_kind().get(kind, prices) | frames_by_kind()["added"]))


def test_a_field_of_a_wrong_type_leads_to_the_same() -> None:
    good = a_payment(1 * BTC).wire()
    for variant in wrong_types.variants(an_added_transaction()):
        assert_same(a_delta(added=[good, variant.value, good]))


def test_a_delta_with_a_wrong_field_leads_to_the_same() -> None:
    frame = {**frames_by_kind()["fees"], **frames_by_kind()["added"]}
    for variant in wrong_types.variants(frame):
        assert_same(variant.text.encode())


hostile = st.sampled_from(
    [
        lambda tx: tx | {"txid": tx["txid"].upper()},
        lambda tx: tx | {"txid": " " * 64},
        lambda tx: tx | {"vin": [tx["vin"][0] | {"txid": tx["vin"][0]["txid"].upper()}]},
        lambda tx: tx | {"vin": [tx["vin"][0] | {"txid": "zz" * 32}]},
        lambda tx: tx | {"vin": tx["vin"] * 2},
        lambda tx: tx | {"vin": []},
        lambda tx: tx | {"vin": [tx["vin"][0] | {"vout": 2**32}]},
        lambda tx: tx | {"vout": [tx["vout"][0] | {"value": 21_000_001 * BTC}]},
        lambda tx: tx | {"vout": [tx["vout"][0] | {"value": 20_000_000 * BTC}] * 2},
        lambda tx: tx | {"vout": [tx["vout"][0] | {"scriptpubkey": "xyz"}]},
        lambda tx: tx | {"fee": 1e300, "weight": 10**12},
        lambda tx: tx | {"effectiveFeePerVsize": -3, "weight": None, "vsize": 0.5},
        lambda tx: [tx],
        lambda tx: {"deep": json.loads("[" * 60 + "]" * 60), **tx},
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.none() | hostile), max_size=6), st.randoms())
def test_hostile_transactions_lead_to_the_same(
    wanted: list[tuple[int, Callable[[Json], Any] | None]], chance: random.Random
) -> None:
    made = [a_payment((10 + 60 * size) * BTC, fee=1_000 + chance.randrange(9_000)) for size, _ in wanted]
    added = [
        tx.wire() if twist is None else twist(tx.wire()) for tx, (_, twist) in zip(made, wanted, strict=True)
    ]

    assert_same(a_delta(added=added))
    assert {one.tx for one in feed(a_delta(added=added)) if isinstance(one, TransactionSeen)} == {
        one.tx
        for one in expanded(feed(a_delta(added=added), threshold=THRESHOLD))
        if isinstance(one, TransactionSeen)
    }


@pytest.mark.parametrize("seed", range(60))
def test_a_tracker_concludes_the_same(seed: int) -> None:
    chance = random.Random(seed)
    txs = related(chance)
    frames: list[bytes] = []
    while txs:
        count = chance.randrange(1, 6)
        frames.append(a_delta(sequence=len(frames), added=[tx.wire() for tx in txs[:count]]))
        txs = txs[count:]

    assert concluded(read(frames, None)) == concluded(read(frames, THRESHOLD))


@pytest.mark.parametrize("seed", range(60))
def test_a_tracker_concludes_the_same_of_frames_that_came_together(seed: int) -> None:
    chance = random.Random(seed)
    frames = [a_delta(number, added=[tx.wire()]) for number, tx in enumerate(related(chance), 1)]
    together, singly, groups = FrameReader(lambda: THRESHOLD), FrameReader(), [frames[:1]]
    rest = frames[1:]
    while rest:
        count = chance.randrange(1, 6)
        groups.append(rest[:count])
        rest = rest[count:]

    assert concluded(together.feed_together(group) for group in groups) == concluded(
        chain.from_iterable(singly.feed(frame) for frame in group) for group in groups
    )


def state(reader: FrameReader) -> list[Any]:
    return [
        reader.frames,
        reader.skipped,
        reader.last_sequence,
        reader.projected_index,
        reader.projected_count,
        reader.untold,
        reader.lost,
    ]


def without_end(**parts: Any) -> bytes:
    """A delta whose number is longer than a number may be."""
    return a_delta(sequence=987_654_321, **parts).replace(b"987654321", b"1" * 5_000)


def assert_together_as_one_by_one(*frames: bytes) -> None:
    singly, together = FrameReader(lambda: THRESHOLD), FrameReader(lambda: THRESHOLD)
    slow = [reported for frame in frames for reported in singly.feed(frame)]
    fast = list(together.feed_together(frames))

    # One complaint may stand for several.
    seen, seen_singly = list(expanded(fast)), list(expanded(slow))
    assert list(map(repr, without_complaints(seen))) == list(map(repr, without_complaints(seen_singly)))
    assert set(map(repr, seen)) == set(map(repr, seen_singly))
    assert state(together) == state(singly)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.lists(st.tuples(st.integers(0, 3), st.none() | hostile), max_size=3))
    ),
    st.integers(0, 2),
    st.randoms(),
)
def test_frames_that_came_together_lead_to_the_same(
    wanted: list[tuple[int, list[tuple[int, Callable[[Json], Any] | None]]]],
    first: int,
    chance: random.Random,
) -> None:
    frames, sequence = [], first
    for turn, sizes in wanted:
        made = [(a_payment((10 + 60 * size) * BTC).wire(), twist) for size, twist in sizes]
        parts: Json = {"added": [tx if twist is None else twist(tx) for tx, twist in made]}
        if turn == 4:
            parts |= {"removed": ["ab" * 32]}
        frames.append(without_end(**parts) if turn == 5 else a_delta(sequence=sequence, **parts))
        if chance.randrange(4) == 0:
            frames.append(encoded(frames_by_kind()[chance.choice(sorted(frames_by_kind()))]))
        sequence += {0: 0, 1: 1, 2: 1, 3: 3, 4: 1, 5: 1}[turn]

    assert_together_as_one_by_one(*frames)


def test_frames_that_only_bring_transactions_are_read_as_one() -> None:
    frames = [a_delta(number, added=[a_payment(1 * BTC).wire()]) for number in range(1, 6)]
    reader = FrameReader(lambda: THRESHOLD)

    assert [
        (type(one), len(one.batch.txids))
        for one in reader.feed_together(frames)
        if isinstance(one, TransactionsSeen)
    ] == [(TransactionsSeen, 1), (TransactionsSeen, 4)]


def test_of_frames_read_as_one_each_large_transaction_is_its_own() -> None:
    txs = [a_payment(value * BTC).wire() for value in (1, 2, 200, 3, 300, 4)]
    frames = [a_delta(1), *(a_delta(2 + at // 2, added=txs[at : at + 2]) for at in (0, 2, 4))]
    reader = FrameReader(lambda: THRESHOLD)

    whole = [one.tx.txid for one in reader.feed_together(frames) if isinstance(one, TransactionSeen)]
    assert whole == [txs[2]["txid"], txs[4]["txid"]]


def test_a_number_without_end_spoils_no_frame_beside_it() -> None:
    txs = [a_payment(200 * BTC).wire() for _ in range(4)]
    frames = [a_delta(number, added=[tx]) for number, tx in enumerate(txs, 1)]
    frames[2] = without_end(added=[txs[2]])
    reported = FrameReader(lambda: THRESHOLD).feed_together(frames)

    whole = [one.tx.txid for one in reported if isinstance(one, TransactionSeen)]
    assert whole == [tx["txid"] for tx in txs]


def test_no_more_are_read_as_one_than_an_observation_holds() -> None:
    made = [a_payment(1 * BTC).wire() for _ in range(AT_ONCE // 2)]
    frames = [a_delta(1), *(a_delta(number, added=made) for number in range(2, 6))]

    assert [
        len(one.batch.txids)
        for one in FrameReader(lambda: THRESHOLD).feed_together(frames)
        if isinstance(one, TransactionsSeen)
    ] == [AT_ONCE, AT_ONCE]


def test_one_impossible_weight_leaves_its_frame_in_bulk() -> None:
    txs = [a_payment(1 * BTC).wire() for _ in range(3)]
    txs[1] |= {"weight": 0}
    (bulk,) = feed(a_delta(added=txs), threshold=ALL_SMALL)

    assert isinstance(bulk, TransactionsSeen)
    assert [txid for txid, _ in bulk.batch.paid()] == [txs[0]["txid"], txs[2]["txid"]]


def test_nothing_of_a_frame_is_decoded_before_its_observations_are_taken() -> None:
    """They are taken on another thread, of a large one."""
    reported = FrameReader(lambda: THRESHOLD).feed(cast("bytes", None))

    with pytest.raises(TypeError):
        next(reported)


def test_a_pong_behind_transactions_leaves_the_backend_at_work() -> None:
    deltas = [a_delta(number, added=[an_added_transaction()]) for number in (1, 2)]
    reader = FrameReader(lambda: THRESHOLD)
    list(reader.feed(deltas[0]))
    list(reader.feed_together([deltas[1], b'{"pong":true}']))

    assert reader.moved


def read(frames: list[bytes], threshold: Sats | None) -> Iterator[Iterator[Observation]]:
    reader = FrameReader(None if threshold is None else lambda: threshold)
    return (reader.feed(frame) for frame in frames)


def compact(*txs: Json, **parts: Any) -> bytes:
    """As the backend writes it: without spaces."""
    delta = {"sequence": 1, "added": list(txs), "removed": [], "mined": [], "replaced": [], **parts}
    return json.dumps({"mempool-transactions": delta}, separators=(",", ":")).encode()


def in_slices(frame: bytes, slice_bytes: int) -> list[Observation]:
    found = frame_with_batches(frame, AT_ONCE, slice_bytes)
    assert found is not None
    return [
        TransactionsSeen(batch=batch, source=WS) for batch in found.added if isinstance(batch, FrameBatch)
    ]


def test_a_large_frame_is_cut_between_transactions() -> None:
    txs = [a_payment(1 * BTC).wire(prevouts=True) for _ in range(40)]
    frame = compact(*txs, removed=["ab" * 32])
    found = Slices.of(frame, 5_000)
    assert found is not None

    slices = [json.loads(one) for one in found]
    assert len(slices) > 5
    assert [tx for one in slices for tx in one] == txs
    assert json.loads(found.rest) == json.loads(compact(removed=["ab" * 32]))


def test_a_large_frame_with_a_change_of_a_projected_block_behind_is_cut_too() -> None:
    line = ["ab" * 32, 1_000, 141.25, 5_000_000, 7.1, 1, 1795339553]
    change = {"added": [line], "removed": ["cd" * 32], "changed": []}
    delta = json.loads(compact(*(a_payment(1 * BTC).wire() for _ in range(30)), removed=["ab" * 32]))
    frame = json.dumps(
        {**delta, "projected-block-transactions": {"index": 0, "delta": change}}, separators=(",", ":")
    ).encode()
    found = frame_with_batches(frame, AT_ONCE, 3_000)

    assert found is not None
    assert sum(len(batch) for batch in found.added if isinstance(batch, FrameBatch)) == 30
    assert (json.loads(bytes(found.delta["removed"])), list(found.fields)) == (
        ["ab" * 32],
        ["projected-block-transactions"],
    )


@pytest.mark.parametrize("slice_bytes", [1, 700, 3_000, 20_000])
def test_slices_of_any_size_lead_to_the_same(slice_bytes: int) -> None:
    frame = compact(*(a_payment(1 * BTC).wire() for _ in range(30)))

    assert list(expanded(in_slices(frame, slice_bytes))) == feed(frame)


def test_what_looks_like_a_seam_and_is_none_loses_nothing() -> None:
    false_seam = {"txid": "ab" * 32, "version": 2}
    txs = [{"history": [{}, false_seam], **a_payment(1 * BTC).wire()} for _ in range(30)]
    found = frame_with_batches(compact(*txs), AT_ONCE, 1_000)
    assert found is not None

    assert sum(len(batch) for batch in found.added) == len(txs)


def test_a_bad_one_in_a_slice_leaves_the_others() -> None:
    txs = [a_payment(1 * BTC).wire() for _ in range(30)]
    txs[10] = txs[10] | {"vin": "none"}
    found = frame_with_batches(compact(*txs), AT_ONCE, 3_000)
    assert found is not None

    assert [type(batch) for batch in found.added].count(list) == 1
