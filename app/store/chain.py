"""The last few hundred block headers, so that a restart knows the chain that it followed."""

from collections.abc import Sequence
from typing import Final

from app.core.models import Block
from app.core.tracking import down_from_the_tip
from app.core.units import BlockHash
from app.store.connections import Connection
from app.store.parsed_statements import execute
from app.store.records import block_of

REMEMBERED: Final = 300
"""In blocks: about two days."""


def append(connection: Connection, blocks: Sequence[Block], read: Sequence[BlockHash] = ()) -> None:
    """Store headers in the order of their connection, the last one is the tip; and which were read."""
    if read:
        execute(connection, "INSERT INTO blocks_read SELECT unnest(?)", [list(read)])
    if not blocks:
        return
    execute(
        connection,
        "INSERT INTO blocks SELECT (SELECT coalesce(max(ordinal), 0) FROM blocks) + unnest(?), unnest(?), "
        "unnest(?), unnest(?), unnest(?)::TIMESTAMPTZ",
        [
            list(range(1, len(blocks) + 1)),
            [block.hash for block in blocks],
            [block.height for block in blocks],
            [block.previous for block in blocks],
            [block.time for block in blocks],
        ],
    )


def best(connection: Connection) -> tuple[Block, ...]:
    """Return the chain by walking back from the tip, over its holes; ascending."""
    rows = execute(
        connection,
        "SELECT hash, height, previous, epoch_us(time) FROM blocks ORDER BY ordinal DESC LIMIT ?",
        [2 * REMEMBERED],
    ).fetchall()
    return down_from_the_tip([block_of(row) for row in reversed(rows)], REMEMBERED)


def unread(connection: Connection, chain: Sequence[Block]) -> tuple[Block, ...]:
    """Return the blocks of `chain` whose transactions were never read, in its order."""
    found = execute(connection, "SELECT hash FROM blocks_read").fetchall()
    read = {name for (name,) in found}
    return tuple(block for block in chain if block.hash not in read)


def prune(connection: Connection) -> None:
    """Delete all but what `best` can reach, with its stale branches."""
    execute(
        connection,
        "DELETE FROM blocks WHERE ordinal <= (SELECT max(ordinal) FROM blocks) - ?",
        [4 * REMEMBERED],
    )
    execute(connection, "DELETE FROM blocks_read WHERE hash NOT IN (SELECT hash FROM blocks)")
