"""What the frames of one connection tell, and that no frame, however wrong, ends the reading."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.forecasting.forecaster import Forecaster
from app.core.forecasting.passagetable import MinerBeliefs, PassageTable
from app.core.observations import (
    BlockConnected,
    ChainListed,
    Gap,
    Observation,
    PackageReply,
    PricesReported,
    ProjectedTransaction,
    Skipped,
    SourceSynced,
    TransactionLeft,
    TransactionReplaced,
    TransactionSeen,
)
from app.core.units import Sats
from app.source.backend.frames import FrameReader
from tests.backend import wrong_types
from tests.builders import a_block
from tests.core.story import WS, Story
from tests.source.backend.recorded_frames import a_delta, an_added_transaction, encoded, frames_by_kind

ID, OTHER = "ab" * 32, "cd" * 32
READ = (*wrong_types.FRAME_KEYS, "mempoolInfo", "projected-block-transactions")


def feed(*frames: bytes, reader: FrameReader | None = None) -> list[Observation]:
    reader = reader or FrameReader()
    return [reported for frame in frames for reported in reader.feed(frame)]


def of(kind: type, reported: list[Observation]) -> list[Any]:
    return [one for one in reported if isinstance(one, kind)]


def test_an_added_transaction_is_seen() -> None:
    tx = an_added_transaction()

    assert [one.tx.txid for one in of(TransactionSeen, feed(a_delta(added=[tx])))] == [tx["txid"]]


def test_what_is_removed_has_left() -> None:
    assert feed(a_delta(removed=[ID])) == [TransactionLeft(txids=(ID,), source=WS)]


def test_a_victim_is_not_told_as_left_too() -> None:
    reported = feed(a_delta(removed=[ID], replaced=[{"replaced": ID, "by": an_added_transaction()}]))

    assert of(TransactionLeft, reported) == []


def test_victims_of_one_winner_are_told_together() -> None:
    by = an_added_transaction()
    pairs = [{"replaced": ID, "by": by}, {"replaced": OTHER, "by": by}]
    (reported,) = of(TransactionReplaced, feed(a_delta(replaced=pairs)))

    assert reported.victims == (ID, OTHER)


def test_a_winner_in_a_block_is_told_as_mined() -> None:
    by = an_added_transaction() | {"status": {"confirmed": True, "block_height": 5, "block_hash": ID}}
    (reported,) = of(TransactionReplaced, feed(a_delta(replaced=[{"replaced": OTHER, "by": by}])))

    assert reported.mined


def test_a_replacement_is_told_before_the_winner_is_seen() -> None:
    by = an_added_transaction()
    reported = feed(a_delta(added=[by], replaced=[{"replaced": ID, "by": by}]))

    assert [type(one) for one in reported] == [TransactionReplaced, TransactionSeen]


def test_a_block_comes_with_what_it_holds() -> None:
    reported = feed(encoded(frames_by_kind()["mined"]))
    (connected,) = of(BlockConnected, reported)

    assert connected.block.txids == tuple(frames_by_kind()["mined"]["mempool-transactions"]["mined"])


def test_listed_blocks_are_told_ascending() -> None:
    frame = frames_by_kind()["blocks"]
    turned = frame | {"blocks": list(reversed(frame["blocks"]))}
    (listed,) = of(ChainListed, feed(encoded(turned)))

    assert [one.height for one in listed.blocks] == sorted(one["height"] for one in frame["blocks"])


@pytest.mark.parametrize(
    ("numbers", "gaps"),
    [((4, 5), 0), ((4, 4), 0), ((4, 6), 1), ((4, 3), 1), ((0, 0, 0, 1), 0), ((9, 0), 1)],
)
def test_only_a_step_over_or_back_is_a_gap(numbers: tuple[int, ...], gaps: int) -> None:
    assert len(of(Gap, feed(*(a_delta(number) for number in numbers)))) == gaps


def test_what_comes_while_the_backend_syncs_is_late() -> None:
    reader = FrameReader()
    reported = feed(
        encoded({"loadingIndicators": {"mempool": 40}}),
        a_delta(3, added=[an_added_transaction()]),
        reader=reader,
    )

    assert [one.late for one in of(TransactionSeen, reported)] == [True]


def test_what_comes_after_the_sync_is_not_late() -> None:
    reported = feed(
        encoded({"loadingIndicators": {"mempool": 40}}),
        encoded({"loadingIndicators": {}}),
        a_delta(3, added=[an_added_transaction()]),
    )

    assert [one.percent for one in of(SourceSynced, reported)] == [40, 100]
    assert [one.late for one in of(TransactionSeen, reported)] == [False]


def test_a_transaction_that_cannot_be_read_costs_itself_alone() -> None:
    reported = feed(a_delta(added=[{"txid": 5}, an_added_transaction()]))

    assert len(of(TransactionSeen, reported)) == len(of(Skipped, reported)) == 1


def test_part_of_a_delta_that_cannot_be_read_is_a_gap() -> None:
    assert of(Gap, feed(a_delta(added=[{"txid": 5}]))) != []


@pytest.mark.parametrize("frame", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"{" * 5_000, b'{"block":', b"7"])
def test_what_is_no_frame_is_skipped_and_a_gap(frame: bytes) -> None:
    assert [type(one) for one in feed(frame)] == [Gap, Skipped]


def test_a_frame_of_nothing_but_nonsense_is_counted_but_not_kept() -> None:
    reader = FrameReader()
    reported = feed(a_delta(removed=["nonsense"] * 1_000), reader=reader)

    assert (len(of(Skipped, reported)), reader.skipped) == (100, 1_000)


@pytest.mark.parametrize("line", [[ID, 1, 1, 21e14 + 1, 1], [ID, 1, 1, -1, 1], [ID, 1e30, 1, 1, 1], [ID], []])
def test_a_line_that_no_transaction_can_have_is_skipped(line: list[Any]) -> None:
    frame = {"projected-block-transactions": {"index": 0, "blockTransactions": [line]}}

    assert [type(one) for one in feed(encoded(frame))] == [Skipped]


def test_a_change_with_a_negative_feerate_is_skipped() -> None:
    frame = {"projected-block-transactions": {"index": 0, "delta": {"changed": [[ID, -1, 0, 0]]}}}

    assert of(PackageReply, feed(encoded(frame))) == []


def test_lines_of_a_projected_block_are_glimpsed() -> None:
    frame = {"projected-block-transactions": {"index": 3, "blockTransactions": [[ID, 10, 4.5, 7, 2.5, 0, 0]]}}
    (line,) = of(ProjectedTransaction, feed(encoded(frame)))

    assert (line.value, line.fee, line.vsize, line.package_feerate) == (7, 10, 4.5, 2.5)


@pytest.mark.parametrize("kind", sorted(frames_by_kind()))
def test_every_field_wrong_in_turn_is_skipped_and_the_next_frame_is_read(kind: str) -> None:
    frame = {key: reported for key, reported in frames_by_kind()[kind].items() if key in READ}
    whole = encoded(frames_by_kind()["added"])
    well = [type(one) for one in feed(whole)]
    for wrong in wrong_types.variants(frame):
        reader = FrameReader()
        reported = feed(wrong.text.encode(), reader=reader)

        assert len(of(Skipped, reported)) == min(reader.skipped, 100), wrong.name
        again = [one for one in feed(whole, reader=reader) if not isinstance(one, Gap)]
        assert [type(one) for one in again] == well, wrong.name


def test_whatever_a_frame_says_the_forecast_and_the_tracker_live() -> None:
    table = PassageTable(MinerBeliefs())
    for kind in ("added", "mempool-blocks", "mempoolInfo", "projected whole", "projected changed"):
        frame = {key: reported for key, reported in frames_by_kind()[kind].items() if key in READ}
        for wrong in wrong_types.variants(frame):
            forecaster = Forecaster(table)
            story = Story(forecast_source=forecaster, threshold=Sats(0))
            for one in [
                BlockConnected(block=a_block(0), source=WS),
                *feed(wrong.text.encode(), encoded(frames_by_kind()["mempool-blocks"])),
            ]:
                list(forecaster.receive(one, story.at))
                story.receive(one)
                story.unanswered(*story.questions)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(READ), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(READ), _json, max_size=4))
@settings(max_examples=300, deadline=None)
def test_no_json_object_ends_the_reading(frame: dict[str, Any]) -> None:
    reader = FrameReader()
    feed(encoded(frame), reader=reader)

    assert of(TransactionSeen, feed(a_delta(1, added=[an_added_transaction()]), reader=reader)) != []


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_no_bytes_end_the_reading(raw: bytes) -> None:
    feed(raw)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_half_a_frame_is_a_gap(draw: st.DataObject) -> None:
    whole = encoded(frames_by_kind()["added"])
    cut = draw.draw(st.integers(0, len(whole) - 1))

    assert [type(one) for one in feed(whole[:cut])] == [Gap, Skipped]


@pytest.mark.parametrize(
    ("frames", "untold"),
    [
        ([b'{"loadingIndicators": {}}'], False),
        ([b'{"loadingIndicators": {"mempool": 12}}'], False),
        ([b'{"loadingIndicators": {"mempool": 12}}', b'{"loadingIndicators": {}}'], True),
        ([b'{"loadingIndicators": {"mempool": 12}}', b'{"loadingIndicators": {"mempool": 100}}'], True),
        ([a_delta(sequence=4), a_delta(sequence=5)], False),
        ([a_delta(sequence=4), a_delta(sequence=6)], True),
    ],
)
def test_the_projected_blocks_hold_what_was_not_told_after_loading_and_after_a_gap(
    frames: list[bytes],
    untold: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    reader = FrameReader()
    feed(*frames, reader=reader)

    assert reader.untold is untold


@pytest.mark.parametrize(
    "frames",
    [
        [a_delta(sequence=4), a_delta(sequence=6)],
        [b"nonsense"],
        [b'{"block": {"id": "nonsense"}}'],
    ],
)
def test_a_block_may_have_been_lost_with_a_frame(frames: list[bytes]) -> None:
    reader = FrameReader()
    feed(*frames, reader=reader)

    assert reader.lost


@pytest.mark.parametrize(
    "frames",
    [
        [a_delta(sequence=4), a_delta(sequence=5)],
        [b'{"blocks": [{"id": "nonsense"}]}'],
        [b'{"fees": "nonsense"}'],
    ],
)
def test_no_block_is_lost_with_what_answers_a_question_or_holds_none(frames: list[bytes]) -> None:
    reader = FrameReader()
    feed(*frames, reader=reader)

    assert not reader.lost


@pytest.mark.parametrize(
    ("frame", "moved"),
    [
        (b'{"pong": true}', False),
        (b'{"loadingIndicators": {"mempool": 99}}', False),
        (a_delta(), True),
        (b'{"da": {}}', True),
        (b"nonsense", False),
    ],
)
def test_an_answer_to_a_ping_shows_nothing_at_work(
    frame: bytes,
    moved: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    reader = FrameReader()
    feed(frame, reader=reader)

    assert reader.moved is moved


@pytest.mark.parametrize("per_btc", ["0", "-1", '"90000"', "null", "true", "[]", "1e300", "1e999"])
def test_a_price_that_cannot_be_one_is_left_out(per_btc: str) -> None:
    frame = f'{{"conversions": {{"time": 1700000000, "USD": 95000, "EUR": {per_btc}}}}}'.encode()

    assert [one.per_btc for one in of(PricesReported, feed(frame))] == [{"USD": 95_000.0}]


@pytest.mark.parametrize("conversions", [None, "much", [], {}, {"USD": 95_000, "time": "noon"}, {"time": -5}])
def test_prices_that_are_none_take_the_place_of_those_before(conversions: Any) -> None:
    reported = of(PricesReported, feed(encoded({"conversions": conversions})))

    assert [one.at for one in reported] == [None]
