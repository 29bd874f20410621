"""Raw bytes become exactly the transaction they are, or an error."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.encoding.rawtx import COINBASE, decode, is_coinbase
from app.core.models import Input, Output
from app.core.units import MAX_MONEY, Outpoint, Sats, Script, Txid
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


def a_raw(  # the parts of one input and one output, each as hex
    *,
    vout: str = "01020304",
    scriptsig: str = "03aabbcc",
    sequence: str = "05060708",
    outputs: str = "01" + "0100000000000000" + "0151",
    witness: str | None = None,
) -> bytes:
    body = "01" + "1234" * 16 + vout + scriptsig + sequence + outputs
    marked = body if witness is None else "0001" + body + witness
    return bytes.fromhex("02000000" + marked + "0a0b0c0d")


def test_each_field_is_read_from_its_place() -> None:
    tx = decode(a_raw(witness="02" + "02ddee" + "00"))

    assert tx.inputs == (
        Input(
            outpoint=Outpoint(Txid("3412" * 16), 0x04030201),
            sequence=0x08070605,
            scriptsig="aabbcc",
            witness=("ddee", ""),
        ),
    )
    assert tx.outputs == (Output(value=Sats(1), script=Script("51"), address=None),)
    assert tx.txid == decode(a_raw()).txid
    assert (decode(a_raw()).vsize, tx.vsize) == (len(a_raw()), len(a_raw()) + (2 + 5) / 4)


@pytest.mark.parametrize(("prefix", "size"), [("fd", 2), ("fe", 4), ("ff", 8)])
def test_a_length_may_take_more_bytes_than_it_needs(prefix: str, size: int) -> None:
    scriptsig = prefix + (3).to_bytes(size, "little").hex() + "aabbcc"

    assert decode(a_raw(scriptsig=scriptsig)).inputs[0].scriptsig == "aabbcc"


@pytest.mark.parametrize("size", [252, 253, 256, 65_535, 65_536])
def test_a_script_of_any_length_is_read_whole(size: int) -> None:
    script = "ab" * size
    tx = decode(a_raw(outputs="01" + "00" * 8 + sized(script).hex()))

    assert tx.outputs[0].script == script


def test_all_the_money_may_be_in_one_output_and_not_a_satoshi_more() -> None:
    raw = [
        a_raw(outputs="01" + value.to_bytes(8, "little").hex() + "00") for value in (MAX_MONEY, MAX_MONEY + 1)
    ]

    assert decode(raw[0]).outputs[0].value == MAX_MONEY
    with pytest.raises(ParseError, match=r"^raw transaction: an output of more than there can be$"):
        decode(raw[1])


def test_a_count_that_just_fits_is_read() -> None:
    """One input of 41 bytes and no output; as many items in a witness as there are bytes left."""
    empty = decode(
        bytes.fromhex("02000000" + "01" + "00" * 32 + "00000000" + "00" + "ffffffff" + "00" + "00" * 4)
    )
    assert (len(empty.inputs), empty.outputs) == (1, ())

    assert decode(a_raw(witness="05" + "00" * 5)).inputs[0].witness == ("",) * 5


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("02000000", "ends too early"),
        ("02000000" + "00", "no inputs"),
        ("02000000" + "0000", "no inputs"),
        ("02000000" + "0001", "ends too early"),
        ("02000000" + "00" + "00" * 60, "no inputs"),
        ("02000000" + "02" + "00" * 60, "counts more than it holds"),
        (
            "02000000" + "01" + "00" * 36 + "20" + "00" * 4,
            "a script is longer than what there is",
        ),
        ("02000000" + "fd01", "ends too early"),
        (a_raw().hex() + "00", "length does not fit"),
        (a_raw().hex()[:-2], "length does not fit"),
        (a_raw().hex()[:-8], "length does not fit"),
        ("02000000" + "fd0100", "counts more than it holds"),
        (a_raw(outputs="ff" + "ff" * 8).hex(), "counts more than it holds"),
        (a_raw(witness="09" + "00" * 4).hex(), "counts more than it holds"),
    ],
)
def test_what_is_wrong_with_the_bytes_is_said(raw: str, words: str) -> None:
    with pytest.raises(ParseError, match=f"^raw transaction: {words}$"):
        decode(bytes.fromhex(raw))


@pytest.mark.parametrize(("marker", "segwit"), [("0001", True), ("0002", False), ("0101", False)])
def test_a_marker_of_witnesses_is_a_zero_and_a_one(marker: str, *, segwit: bool) -> None:
    raw = bytes.fromhex("02000000" + marker + a_raw().hex()[8:-8] + "00" + "00" * 4)
    if segwit:
        assert decode(raw).inputs[0].witness == ()
        assert decode(raw).vsize == len(a_raw()) + 3 / 4
    else:
        with pytest.raises(ParseError):
            decode(raw)


def test_only_one_input_that_spends_nothing_makes_a_coinbase() -> None:
    nothing = Input(outpoint=COINBASE)
    payment = decode(a_raw())

    assert is_coinbase(replace(payment, inputs=(nothing,)))
    assert not is_coinbase(payment)
    assert not is_coinbase(replace(payment, inputs=(nothing, nothing)))
