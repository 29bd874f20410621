"""The node's notifications, read and counted."""

import asyncio
from contextlib import aclosing

import pytest
import zmq
import zmq.asyncio

from app.errors import ParseError
from app.source.bitcoind.zmq_feed import (
    BlockJoined,
    ChainMoved,
    Continuity,
    Entered,
    Linked,
    Lost,
    RawTransaction,
    Received,
    Removed,
    Spoke,
    Unreadable,
    ZmqFeed,
    read_notification,
)

HASH = bytes(range(32))


def numbered(number: int) -> bytes:
    return number.to_bytes(4, "little")


@pytest.mark.parametrize(
    ("topic", "body", "received"),
    [
        (b"rawtx", b"\x01\x02", RawTransaction(b"\x01\x02")),
        (b"hashblock", HASH, ChainMoved(HASH.hex())),
        (b"sequence", HASH + b"A" + (7).to_bytes(8, "little"), Entered(HASH.hex(), 7)),
        (b"sequence", HASH + b"R" + (8).to_bytes(8, "little"), Removed(HASH.hex(), 8)),
        (b"sequence", HASH + b"C", BlockJoined(HASH.hex())),
        (b"sequence", HASH + b"D", ChainMoved(HASH.hex())),
    ],
)
def test_a_notification_is_read(topic: bytes, body: bytes, received: object) -> None:
    assert read_notification(topic, body) == received


@pytest.mark.parametrize(
    ("topic", "body"),
    [(b"hashblock", b"short"), (b"sequence", HASH + b"A"), (b"sequence", HASH + b"?"), (b"other", HASH)],
)
def test_anything_else_is_refused(topic: bytes, body: bytes) -> None:
    with pytest.raises(ParseError):
        read_notification(topic, body)


def test_the_first_number_is_taken_as_it_comes() -> None:
    assert Continuity().check(b"rawtx", numbered(41)) is None


def test_a_hole_is_a_loss_of_so_many() -> None:
    continuity = Continuity()
    continuity.check(b"rawtx", numbered(41))

    assert continuity.check(b"rawtx", numbered(44)) == Lost("rawtx", 2)


def test_each_topic_counts_for_itself() -> None:
    continuity = Continuity()
    continuity.check(b"rawtx", numbered(41))

    assert continuity.check(b"sequence", numbered(3)) is None


def test_a_count_that_begins_anew_is_a_loss_of_unknown_size() -> None:
    continuity = Continuity()
    continuity.check(b"rawtx", numbered(41))

    assert continuity.check(b"rawtx", numbered(0)) == Lost("rawtx", None)


def test_the_count_goes_on_from_zero_after_its_end() -> None:
    continuity = Continuity()
    continuity.check(b"rawtx", numbered(0xFFFFFFFF))

    assert continuity.check(b"rawtx", numbered(0)) is None


async def test_a_message_that_is_not_bitcoinds_is_told_as_unreadable_and_the_next_is_heard() -> None:
    context = zmq.asyncio.Context()
    publisher = context.socket(zmq.XPUB)  # which hears of subscriptions
    port = publisher.bind_to_random_port("tcp://127.0.0.1")

    async def publish() -> None:
        await publisher.recv()
        await publisher.send_multipart([b"rawtx", b"two parts"])
        await publisher.send_multipart([b"rawtx", b"body", numbered(7)])

    received: list[Received] = []
    publishing = asyncio.create_task(publish())
    async with (
        asyncio.timeout(20),
        aclosing(ZmqFeed({"rawtx": f"tcp://127.0.0.1:{port}"}).notifications()) as feed,
    ):
        async for one in feed:
            received.append(one)
            if isinstance(one, RawTransaction):
                break
    await publishing
    publisher.close(linger=0)
    context.term()

    assert [type(one) for one in received if not isinstance(one, Linked)] == [
        Unreadable,
        Spoke,
        RawTransaction,
    ]
