"""What an Electrum server says of one transaction, while the node behind it is a block ahead."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.core.encoding import decode
from app.core.models import Block
from app.core.observations import Observation, Prevout, PrevoutsReply, StatusReply, TransactionReply
from app.core.questions import AskPrevouts, AskStatus, AskTransaction, Question
from app.core.units import Height, Outpoint, Sats, Script
from app.errors import SourceError
from app.source.electrum.answers import ElectrsAnswers
from app.source.electrum.shapes import Tip, block_of
from tests.builders import a_txid
from tests.source.electrum.test_connection import a_line

TXID = a_txid("mined")
RAW = (
    "0100000001"
    + "11" * 32
    + "00000000"
    + "00"
    + "ffffffff"
    + "01"
    + "00e1f50500000000"
    + "0151"
    + "00000000"
)
QUESTIONS = (AskStatus(TXID), AskTransaction(TXID))


def a_header(height: int) -> str:
    return f"{height:08x}".ljust(160, "0")


def hash_at(height: int) -> str:
    return block_of(Tip(height=height, hex=a_header(height))).hash


def mined_at(height: int, *, tip_of_node: int) -> Callable[..., Awaitable[None]]:
    """A server that passes on what its node says, whose tip may be another one than its own."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            asked = json.loads(line)
            answer: Any = {
                "hex": RAW,
                "blockhash": hash_at(height),
                "confirmations": tip_of_node - height + 1,
            }
            if asked["method"] == "blockchain.block.header":
                answer = a_header(asked["params"][0])
            writer.write(json.dumps({"id": asked["id"], "result": answer}).encode() + b"\n")
        writer.close()

    return serve


async def answer_of(question: Question, tip: Block | None, *, tip_of_node: int) -> Observation:
    async with a_line(mined_at(900, tip_of_node=tip_of_node)) as line:
        (reply,) = await ElectrsAnswers(line, tip, None).answer(question)
    return reply


def tip_at(height: int) -> Block:
    return block_of(Tip(height=height, hex=a_header(height)))


@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_block_is_named_with_its_height(question: Question) -> None:
    reply = await answer_of(question, tip_at(902), tip_of_node=902)

    assert isinstance(reply, StatusReply | TransactionReply)
    assert (reply.block_hash, reply.height) == (hash_at(900), Height(900))


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("tip", [tip_at(899), tip_at(901), None])
async def test_a_block_that_cannot_be_placed_is_neither_the_mempool_nor_nowhere(
    question: Question, tip: Block | None
) -> None:
    with pytest.raises(SourceError, match="which height"):
        await answer_of(question, tip, tip_of_node=900)


async def gives_raw(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that gives the same transaction whatever it is asked for."""
    while line := await reader.readline():
        writer.write(json.dumps({"id": json.loads(line)["id"], "result": RAW}).encode() + b"\n")
    writer.close()


async def test_a_coin_is_known_by_the_transaction_that_made_it() -> None:
    coin = Outpoint(decode(bytes.fromhex(RAW)).txid, 0)
    async with a_line(gives_raw) as line:
        (reply,) = await ElectrsAnswers(line, None, None).answer(AskPrevouts(TXID, (coin,)))

    assert isinstance(reply, PrevoutsReply)
    assert reply.prevouts == {coin: Prevout(value=Sats(100_000_000), script=Script("51"))}


async def test_a_transaction_that_was_not_asked_for_is_no_coins_origin() -> None:
    async with a_line(gives_raw) as line:
        with pytest.raises(SourceError, match="the Electrum server gave"):
            await ElectrsAnswers(line, None, None).answer(AskPrevouts(TXID, (Outpoint(TXID, 0),)))
