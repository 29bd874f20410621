"""The Electrum server's JSON as msgspec types (only fields in use), and block headers decoded."""

from datetime import UTC, datetime
from hashlib import sha256

import msgspec

from app.core.models import Block
from app.core.units import BlockHash, Height
from app.errors import ParseError
from app.source.resilience import BlockHeight, Confirmations


class Tip(msgspec.Struct):
    height: BlockHeight
    hex: str


class Headers(msgspec.Struct):
    hex: str


class ElectrumVerboseTx(msgspec.Struct):
    hex: str
    blockhash: str | None = None
    confirmations: Confirmations = 0


def mined_in(verbose: ElectrumVerboseTx | None) -> BlockHash | None:
    return BlockHash(verbose.blockhash) if verbose and verbose.blockhash else None


def block_of(tip: Tip) -> Block:
    """Decode an 80-byte header: version, previous block, merkle root, time, bits, nonce."""
    header = bytes_of(tip.hex)
    if len(header) < 80:
        raise ParseError("electrs: a header is too short")
    return Block(
        hash=BlockHash(sha256(sha256(header[:80]).digest()).digest()[::-1].hex()),
        height=Height(tip.height),
        previous=BlockHash(header[4:36][::-1].hex()),
        time=datetime.fromtimestamp(int.from_bytes(header[68:72], "little"), UTC),
    )


def bytes_of(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise ParseError("electrs: not hex") from error
