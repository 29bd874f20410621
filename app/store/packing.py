"""Serialises values: msgpack, deflated with a dictionary of the field names that occur in every record.

Pure: no database here. The dictionary is part of the format, like a schema: a body names the dictionary it
was packed with, and a released one is never edited; another is added beside it.
"""

import zlib
from collections.abc import Iterable, Iterator
from hashlib import blake2b, sha256
from typing import Any, Final

import msgspec

from app.core.models import Output, Transaction
from app.core.units import Script
from app.errors import StoreError

PIECE: Final = 3_000
"""Bytes. DuckDB reads 2,048 values of a column at once, whatever is requested: a body is cut into pieces of
this size, which bounds the memory of a read (and avoids DuckDB's own compression of long values)."""
LONGEST_SCRIPT: Final = 2_000
"""Hex digits. A longer one (only data outputs have them) is stored as its first byte, hash and length."""
_NAMES_1: Final = (
    b"\xa6reason\xa8peel_of\xaareplaced_by\xb0conflicts_with\x91\xadleft_unverified\xc3\xb3first_seen_in_block"
    b"\xa6reorged\xa4demo\xaeconfirmed_hash\xaa00000000000000000000\xacscriptsig\xa7witness"
    b"\xa6inputs\x92\xafmissing_inputs\xabconsolidation\xa5batch\xa8coinjoin\xa5sweep\xa4peel\xa4cpfp"
    b"\xa9fee_spike\xa8conflict\xa9late_seen\xacinter_exchange\xa7outflow\xa8internal\xa7unknown\xa6inflow"
    b"\xa5likely\xa5up_to\xa7certain\xadfrom_entities\xabto_entities\x91\x85\xa4name\xa4kind\xa8exchange"
    b"\xa5basis\xa9published\xa5group\xc0\xadlabelled_at\xaa2026-11-01\xa5split\x81\xa5flags\x90\xa8evidence\x91"
    b"output 0 belongs to input 0 pays to all inputs are of one script, change, "
    b"\xa4flow\xa5gross\xcf\x00\x00\x00\xa5moved\xcf\x00\x00\x00\xa9moved_low\xcf\x00\x00\x00"
    b"\xaamoved_high\xcf\x00\x00\x00\xa8moved_is\xa7certain\xa8internal\x00"
    b"\x83\xa4txid\xd9@\xa6inputs\xdc\x00\x91\x84\xa8outpoint\x92\xd9@\x00\xa8sequence\xce\xff\xff\xff\xfd"
    b"\xa6script\xd9,0014\xd9D5120\xd9D0020\xd9.a914\xd926a76a91488ac\xa5value\xcf\x00\x00\x00\xa7outputs\x92\x83"
    b'\xa5value\xcf\x00\x00\x00\xa6script\xd9,0014\xa7address\xd9*bc1q\xd9>bc1p\xd9"3'
    b"\xb4recalibration_outcomes\xb9recalibration_age_seconds\xa3raw\x97\xcb?\xa7widened\xc3"
    b"\xa7made_at\xd7\xff\xa9at_height\xce\x00\x0e\xa4txid\xd9@\xa7feerate\xcb@\xadprobabilities\x97\xcb?\xef"
    b"\xcb?\xef\xcb?\xef\xcb?\xef\xcb?\xf0\x00\x00\x00\x00\x00\x00\xcb?\xf0\x00\x00\x00\x00\x00\x00\xa9p_dropped"
    b"\xcb\x00\x00\x00\x00\x00\x00\x00\x00\xafpredicted_block\xce\x00\x0e\xabeta_seconds\xcd\x02X"
    b"\xb0confidence_score\xcb?\xef\xadurgency_score\xcb?\xef\xa7urgency\xa4high\xa3low\xa6medium\xa6inputs"
    b"\xb0projected_blocks\xa8bitcoind\xa7electrs\xaeinflow_seconds\xcb@\x9c\xafprojected_block\xce\x00\x0e"
    b"\x8e\xa3fee\xcd\x13\x88\xa5vsize\xcb@\xaatx_package\xcb@\xabdetected_at\xd7\xff\xafdetected_height"
    b"\xce\x00\x0e\xadfirst_seen_by\xaamempool_ws\xacmempool_rest\xa5block\xaaupdated_at\xd7\xff\xafpackage_feerate"
    b"\xcb@\xb0confirmed_height\xce\x00\x0e\xaeconfirmed_hash\xd9@0000000000000000000\xacconfirmed_at\xd7\xff"
    b"\xa8ended_at\xd7\xff\xa6status\xa7pending\xa9confirmed\xa8replaced\xa7dropped\xa7outcome\xa8censored"
    b"\xa7on_time\xa4late\xa9replaces"
)
_DICTIONARIES: Final = {1: _NAMES_1}
_CURRENT: Final = 1
_ENCODE: Final = msgspec.msgpack.Encoder(order="deterministic")
_FIELDS: Final = msgspec.msgpack.Decoder(dict[str, msgspec.Raw])
SHORT: Final = 3_000
"""Bytes."""
_MOST: Final = 256 * 1024 * 1024
"""Maximum size of an unpacked body in bytes: a larger one is not a record of ours."""


def plain(value: object) -> bytes:
    """Encode deterministically: the same value gives the same bytes, in every process."""
    return _ENCODE.encode(value)


def packed(encoded: bytes) -> bytes:
    """Compress what `plain` returned."""
    # A small window is set up five times as fast, and most bodies are shorter than it.
    window, memory = (-12, 4) if len(encoded) < SHORT else (-15, 8)
    deflate = zlib.compressobj(6, zlib.DEFLATED, window, memory, zdict=_DICTIONARIES[_CURRENT])
    return bytes([_CURRENT]) + deflate.compress(encoded) + deflate.flush()


def unpacked(body: bytes) -> bytes:
    """Decompress a body. Raises StoreError if it is invalid."""
    known = _DICTIONARIES.get(body[0]) if body else None
    if known is None:
        raise StoreError("a stored record does not read: it was packed by another Spout")
    inflate = zlib.decompressobj(-15, zdict=known)
    try:
        found = inflate.decompress(body[1:], _MOST)
    except zlib.error as error:
        raise StoreError(f"a stored record does not read: {error}") from error
    if not inflate.eof:
        raise StoreError("a stored record does not read: it ends too soon")
    return found


def fields_of(encoded: bytes) -> dict[str, Any]:
    """Return the fields of a msgpack map, each still encoded; `plain` encodes them as a map again."""
    try:
        return dict(_FIELDS.decode(encoded))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreError(f"a stored record does not read: {error}") from error


def raw(encoded: bytes) -> Any:  # noqa: ANN401 - a value that `plain` takes as it is
    return msgspec.Raw(encoded)


def digest(*encoded: bytes) -> bytes:
    """Return 16 bytes that identify a record."""
    found = blake2b(digest_size=16)
    for one in encoded:
        found.update(len(one).to_bytes(8, "little"))
        found.update(one)
    return found.digest()


def pieces(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), PIECE):
        yield body[start : start + PIECE]


def joined(parts: Iterable[bytes]) -> bytes:
    return b"".join(parts)


def storable(tx: Transaction) -> bytes:
    """Encode the parts of a transaction that do not change unless more is learnt of its prevouts.

    Fee, size and package belong to a version.
    """
    outputs = [_short(output) for output in tx.outputs]
    return plain({"txid": tx.txid, "inputs": tx.inputs, "outputs": outputs})


def _short(output: Output) -> Output:
    """Shorten a script of up to 100 kB of data: its hash and length suffice here."""
    script = output.script
    if len(script) <= LONGEST_SCRIPT:
        return output
    named = sha256(bytes.fromhex(script)).hexdigest()
    return Output(value=output.value, script=Script(f"{script[:2]}:{named}:{len(script) // 2}"), address=None)
