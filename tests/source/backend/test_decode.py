"""One document of the backend at a time: read whole, or refused with the field's name."""

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from app.core.units import MAX_MONEY, Outpoint, Txid
from app.errors import ParseError, StaleBlockError
from app.source.backend import decode
from tests.backend import wrong_types
from tests.core.story import REST
from tests.source.backend.recorded_frames import an_added_transaction, encoded, frames_by_kind

ID = "ab" * 32
ASKED = (Outpoint(Txid(ID), 0),)


def a_wire_block() -> dict[str, Any]:
    return dict(frames_by_kind()["block"]["block"])


READERS: dict[str, tuple[Callable[[bytes], object], Any]] = {
    "transaction": (decode.transaction, an_added_transaction()),
    "block": (decode.block, a_wire_block()),
    "summary": (decode.block_entries, [{"txid": ID, "value": 5, "fee": 1, "vsize": 110.25}]),
    "fees": (lambda raw: decode.fees(raw, REST), frames_by_kind()["fees"]["fees"]),
    "queue": (lambda raw: decode.queue(raw, REST), frames_by_kind()["mempool-blocks"]["mempool-blocks"]),
    "mempool": (lambda raw: decode.mempool(raw, REST), frames_by_kind()["mempoolInfo"]["mempoolInfo"]),
    "prevouts": (
        lambda raw: list(decode.prevouts(raw, ASKED)),
        [{"prevout": {"value": 5, "scriptpubkey": "0014" + "ab" * 20}}],
    ),
}


@pytest.mark.parametrize("name", READERS)
def test_a_real_document_is_read(name: str) -> None:
    read, document = READERS[name]

    assert read(encoded(document)) is not None


@pytest.mark.parametrize("name", READERS)
def test_a_document_wrong_in_any_one_field_is_read_or_refused(name: str) -> None:
    read, document = READERS[name]
    for wrong in wrong_types.variants(document):
        with contextlib.suppress(ParseError):  # nothing else is ever raised
            read(wrong.text.encode())


@pytest.mark.parametrize(
    "text", ["", "ab", "zz" * 32, "0x" + "ab" * 31, "ab " * 21 + "a", "\u0663" * 64, "a_" * 32, "ab" * 33]
)
def test_only_64_hex_digits_are_a_txid(text: str) -> None:
    with pytest.raises(ParseError):
        decode.txid(text, "test")


def test_a_txid_is_lower_case() -> None:
    assert decode.txid("AB" * 32, "test") == ID


@pytest.mark.parametrize("key", ["effectiveFeePerVsize", "weight"])
@pytest.mark.parametrize("value", [-1, 1e30])
def test_a_measure_that_cannot_be_is_unknown(key: str, value: float) -> None:
    reported = an_added_transaction() | {key: int(value) if key == "weight" else value}
    tx, _ = decode.transaction(encoded(reported))

    assert (tx.package_feerate if key == "effectiveFeePerVsize" else tx.vsize) is None


def test_size_is_the_quarter_of_the_weight() -> None:
    sizes = {"weight": 653, "vsize": 164, "adjustedVsize": 163.25}
    tx, _ = decode.transaction(encoded(an_added_transaction() | sizes))

    assert tx.vsize == 163.25


def test_where_sigops_weigh_more_than_bytes_size_is_what_they_weigh_and_that_is_no_package() -> None:
    sizes = {"weight": 653, "vsize": 164, "adjustedVsize": 400, "fee": 4_000, "effectiveFeePerVsize": 10}
    tx, _ = decode.transaction(encoded(an_added_transaction() | sizes))

    assert tx.vsize == 400
    assert not tx.is_of_package(tx.package_feerate)


def test_an_input_that_names_no_transaction_is_refused() -> None:
    reported = an_added_transaction()
    reported["vin"][0]["txid"] = "zz" * 32

    with pytest.raises(ParseError):
        decode.transaction(encoded(reported))


@pytest.mark.parametrize("value", [-1, MAX_MONEY + 1, 10**30])
def test_an_entry_of_a_block_worth_more_than_all_money_is_refused(value: int) -> None:
    with pytest.raises(ParseError):
        decode.block_entries(encoded([{"txid": ID, "value": value}]))


@pytest.mark.parametrize(("value", "script"), [(-1, ""), (10**30, ""), (5, "nonsense"), (5, "abc")])
def test_a_prevout_that_no_coin_can_be_is_refused(value: int, script: str) -> None:
    answer = [{"prevout": {"value": value, "scriptpubkey": script}}]

    with pytest.raises(ParseError):
        list(decode.prevouts(encoded(answer), ASKED))


def test_a_value_that_no_float_can_hold_is_no_amount() -> None:
    answer = b'[{"prevout": {"value": %b, "scriptpubkey": "00"}}]' % (b"9" * 400)

    with pytest.raises(ParseError, match="9 sat is no amount"):
        list(decode.prevouts(answer, ASKED))


def test_an_answer_about_more_prevouts_than_were_asked_is_refused() -> None:
    with pytest.raises(ParseError):
        list(decode.prevouts(b"[null, null]", ASKED))


def test_a_prevout_the_backend_does_not_know_is_none() -> None:
    assert list(decode.prevouts(b"[null]", ASKED)) == [(ASKED[0], None)]


@pytest.mark.parametrize(("key", "value"), [("totalFees", -1), ("medianFee", -1), ("nTx", 10**30)])
def test_a_projected_block_that_cannot_be_is_refused(key: str, value: int) -> None:
    blocks = json.loads(json.dumps(frames_by_kind()["mempool-blocks"]["mempool-blocks"]))
    blocks[0][key] = value

    with pytest.raises(ParseError):
        decode.queue(encoded(blocks), REST)


def test_a_block_off_the_best_chain_is_refused_when_it_was_asked_for() -> None:
    with pytest.raises(StaleBlockError):
        decode.best_chain_block(encoded(a_wire_block() | {"stale": True}))
