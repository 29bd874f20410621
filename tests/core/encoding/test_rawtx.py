"""Raw bytes become exactly the transaction they are, or an error."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.encoding.rawtx import COINBASE, decode, is_coinbase
from app.core.units import Outpoint, Txid
from app.errors import ParseError

SHARED = Path(__file__).parents[3] / "../shared"
needs_shared = pytest.mark.skipif(
    not SHARED.exists(), reason="reference recordings are not beside the repository (../shared)"
)

# The first payment ever (block 170), Satoshi to Hal Finney.
FIRST_PAYMENT = (
    "0100000001c997a5e56e104102fa209c6a852dd90660a20b2d9c352423edce25857fcd3704000000004847304402204e45e16932b8af5149"
    "61a1d3a1a25fdf3f4f7732e9d624c6c61548ab5fb8cd410220181522ec8eca07de4860a4acdd12909d831cc56cbbac4622082221a8768d1d"
    "0901ffffffff0200ca9a3b00000000434104ae1a62fe09c5f51b13905f07f06b99a2f7159b2225f374cd378d71302fa28414e7aab37397f5"
    "54a7df5f142c21c1b7303b8a0626f1baded5c72a704f7e6cd84cac00286bee0000000043410411db93e1dcdb8a016b49840f8c53bc1eb68a"
    "382e97b1482ecad7b148a6909a5cb2e0eaddfb84ccf9744464f82e160bfa9b8b64f9d4c03f999b8643f656b412a3ac00000000"
)
# BIP 143's native P2WPKH example, signed: one legacy and one witness input.
SEGWIT = (
    "01000000000102fff7f7881a8099afa6940d42d1e7f6362bec38171ea3edf433541db4e4ad969f00000000494830450221008b9d1dc26ba6"
    "a9cb62127b02742fa9d754cd3bebf337f7a55d114c8e5cdd30be022040529b194ba3f9281a99f2b1c0a19c0489bc22ede944ccf4ecbab4cc"
    "618ef3ed01eeffffffef51e1b804cc89d182d279655c3aa89e815b1b309fe287d9b2b55d57b90ec68a0100000000ffffffff02202cb20600"
    "0000001976a9148280b37df378db99f66f85c95a783a76ac7a6d5988ac9093510d000000001976a9143bde42dbee7e4dbe6a21b2d50ce2f0"
    "167faa815988ac000247304402203609e17b84f6a7d30c80bfa610b5b4542f32a8a0d5447a12fb1366d7f01cc44a0220573a954c45183315"
    "61406f90300e8f3358f51928d43c212a8caed02de67eebee0121025476c2e83188368da1ff3e292e7acafcdb3566bb0ad253f62fc70f07ae"
    "ee635711000000"
)


def test_the_first_payment_has_its_txid_and_amounts() -> None:
    tx = decode(bytes.fromhex(FIRST_PAYMENT))

    assert tx.txid == "f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16"
    assert [output.value for output in tx.outputs] == [10 * 10**8, 40 * 10**8]
    assert tx.vsize == len(FIRST_PAYMENT) / 2


def test_a_witness_counts_a_quarter_and_not_in_the_txid() -> None:
    tx = decode(bytes.fromhex(SEGWIT))

    assert tx.txid == "e8151a2af31c368a35053ddd4bdb285a8595c769a3ad83e0fa02314a602d4609"
    assert tx.vsize == 1042 / 4
    assert (tx.inputs[0].witness, len(tx.inputs[1].witness), tx.inputs[0].sequence) == ((), 2, 0xFFFFFFEE)


def test_addresses_are_asked_of_whoever_knows_the_network() -> None:
    tx = decode(bytes.fromhex(FIRST_PAYMENT), lambda script: f"to {script[:4]}")

    assert [output.address for output in tx.outputs] == ["to 4104", "to 4104"]


def test_what_a_coinbase_spends_is_nothing() -> None:
    raw = (
        "01000000"
        + "01"
        + "00" * 32
        + "ffffffff"
        + "0151"
        + "ffffffff"
        + "01"
        + "00" * 8
        + "0151"
        + "00000000"
    )

    assert is_coinbase(decode(bytes.fromhex(raw)))
    assert Outpoint(Txid("00" * 32), 0xFFFFFFFF) == COINBASE


@pytest.mark.parametrize("cut", range(0, len(SEGWIT) // 2, 7))
def test_a_cut_transaction_is_refused(cut: int) -> None:
    with pytest.raises(ParseError):
        decode(bytes.fromhex(SEGWIT)[:cut])


def test_bytes_after_the_end_are_refused() -> None:
    with pytest.raises(ParseError):
        decode(bytes.fromhex(SEGWIT) + b"\x00")


def test_a_count_that_cannot_fit_is_refused_at_once() -> None:
    with pytest.raises(ParseError, match="counts more"):
        decode(bytes.fromhex("01000000" + "ffffffffffffffffff" + "00" * 60))


def test_more_than_there_can_be_is_refused() -> None:
    raw = FIRST_PAYMENT.replace("00ca9a3b00000000", "ffffffffffffff7f")

    with pytest.raises(ParseError, match="more than there can be"):
        decode(bytes.fromhex(raw))


@given(st.binary(max_size=400))
def test_any_bytes_are_a_transaction_or_a_parse_error(raw: bytes) -> None:
    try:
        decode(raw)
    except ParseError:
        return


@given(st.integers(0, len(SEGWIT) // 2 - 1), st.integers(1, 255))
def test_a_changed_byte_is_another_transaction_or_a_parse_error(at: int, change: int) -> None:
    raw = bytearray(bytes.fromhex(SEGWIT))
    raw[at] ^= change
    try:
        changed = decode(bytes(raw))
    except ParseError:
        return
    assert changed != decode(bytes.fromhex(SEGWIT))


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize("block", ["block_277647", "block_300025", "block_866342"])
def test_every_transaction_of_a_real_block_has_its_txid_and_values(block: str) -> None:
    wrong = []
    for reported in lines(SHARED / f"realtx/{block}.jsonl.gz"):
        tx = decode(encode(reported))
        values = [output["value"] for output in reported["vout"]]
        if tx.txid != reported["txid"] or [output.value for output in tx.outputs] != values:
            wrong.append(reported["txid"])

    assert wrong == []


@pytest.mark.shared
@needs_shared
def test_every_arrival_in_a_recording_has_its_bytes() -> None:
    decoded: set[str] = set()
    entered: set[str] = set()
    for line in lines(SHARED / "recordings/mixed.zmq.jsonl.gz"):
        if line.get("topic") == "rawtx":
            decoded.add(decode(bytes.fromhex(line["body"])).txid)
        elif line.get("topic") == "sequence" and line["body"][64:66] == "41":
            entered.add(line["body"][:64])

    assert (len(entered) > 3000, entered - decoded) == (True, set())


def lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt") as text:
        for line in text:
            yield json.loads(line)


def encode(reported: dict[str, Any]) -> bytes:
    """Esplora's JSON back into the bytes of BIP 144."""
    segwit = any(one.get("witness") for one in reported["vin"])
    raw = reported["version"].to_bytes(4, "little", signed=True) + (b"\x00\x01" if segwit else b"")
    raw += compact(len(reported["vin"]))
    for one in reported["vin"]:
        raw += bytes.fromhex(one["txid"])[::-1] + one["vout"].to_bytes(4, "little")
        raw += sized(one["scriptsig"]) + one["sequence"].to_bytes(4, "little")
    raw += compact(len(reported["vout"]))
    for one in reported["vout"]:
        raw += one["value"].to_bytes(8, "little") + sized(one["scriptpubkey"])
    if segwit:
        for one in reported["vin"]:
            items = one.get("witness", [])
            raw += compact(len(items)) + b"".join(sized(item) for item in items)
    return bytes(raw + reported["locktime"].to_bytes(4, "little"))


def sized(text: str) -> bytes:
    return compact(len(text) // 2) + bytes.fromhex(text)


def compact(number: int) -> bytes:
    if number < 0xFD:
        return bytes([number])
    return (
        b"\xfd" + number.to_bytes(2, "little") if number < 0x10000 else b"\xfe" + number.to_bytes(4, "little")
    )


def test_a_transaction_that_spends_nothing_is_refused() -> None:
    with pytest.raises(ParseError, match="no inputs"):
        decode(bytes.fromhex("01000000" + "00" + "02" + "00" * 60))


@pytest.mark.parametrize("length", ["fd00", "fe000000", "ff00000000000000"])
def test_a_length_that_is_cut_off_itself_is_refused(length: str) -> None:
    with pytest.raises(ParseError, match="ends too early"):
        decode(bytes.fromhex("01000000" + length))
