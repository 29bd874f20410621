"""The stream's adapter alone: a frozen far side is noticed, large frames are held once."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.streams import StreamReader

from app.clock import Clock, SystemClock
from app.core.observations import ChainListed, Observation, SourceConnected, TransactionSeen
from app.core.units import Sats, Txid
from app.source.backend.connection import HELD_ONCE_FROM_BYTES, hold_large_frames_once
from app.source.backend.gathering import GATHER_SECONDS
from app.source.backend.stream import LARGE_FRAME_BYTES, MOST_TOGETHER, Emit, MempoolWebSocket
from app.source.resilience.health import ConnectionState, SourceHealth
from app.source.resilience.seen_txids import SeenTxids
from tests.backend.server import Backend
from tests.backend.transactions import BTC, Built, a_whale
from tests.backend.world import World
from tests.source.backend.recorded_frames import a_delta

SOON_SECONDS = 10


class Suspended(SystemClock):
    """A clock that ran on while we did not."""

    slept = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.slept


class Noted(SystemClock):
    """A clock that writes down how long was slept."""

    def __init__(self) -> None:
        self.sleeps: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        await super().sleep(seconds)


def a_stream(
    url: str,
    *,
    emit: Emit,
    health: SourceHealth | None = None,
    threshold: Callable[[], Sats] = lambda: Sats(100 * 100_000_000),
    clock: Clock | None = None,
    doubt_seconds: float = 60,
    silence_seconds: float = 60,
) -> MempoolWebSocket:
    """It asks after 0.1 s."""
    clock = clock or SystemClock()
    return MempoolWebSocket(
        url,
        emit=emit,
        health=health or SourceHealth("mempool_ws", clock),
        seen_txids=SeenTxids(),
        threshold=threshold,
        clock=clock,
        jitter=lambda: 1.0,
        ask_seconds=0.1,
        doubt_seconds=doubt_seconds,
        silence_seconds=silence_seconds,
    )


@asynccontextmanager
async def listening(
    backend: Backend | str,
    *,
    doubt_seconds: float = 60,
    silence_seconds: float = 0.4,
    clock: Clock | None = None,
    batches: list[Sequence[Observation]] | None = None,
) -> AsyncIterator[tuple[SourceHealth, list[Observation]]]:
    """A stream that asks after 0.1 s and gives up after 0.4 s of silence."""
    clock, reported = clock or SystemClock(), list[Observation]()
    health = SourceHealth("mempool_ws", clock)

    async def emit(observations: Sequence[Observation]) -> None:
        reported.extend(observations)
        if batches is not None:
            batches.append(observations)

    stream = a_stream(
        backend if isinstance(backend, str) else backend.url,
        emit=emit,
        health=health,
        clock=clock,
        doubt_seconds=doubt_seconds,
        silence_seconds=silence_seconds,
    )
    task = asyncio.create_task(stream.run())
    try:
        yield health, reported
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def seen(reported: Sequence[Observation]) -> list[Txid]:
    return [one.tx.txid for one in reported if isinstance(one, TransactionSeen)]


async def eventually(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON_SECONDS):
        while not look():  # noqa: ASYNC110 - it looks into another part
            await asyncio.sleep(0.01)


async def test_a_far_side_that_stays_open_and_silent_is_noticed_and_left() -> None:
    async with Backend(World()) as backend, listening(backend) as (health, _):
        await eventually(lambda: health.condition.state is ConnectionState.CONNECTED)

        backend.freeze()

        await eventually(lambda: health.condition.state is not ConnectionState.CONNECTED)


async def test_a_far_side_that_thaws_is_heard_again() -> None:
    whale = a_whale()
    async with Backend(World()) as backend, listening(backend) as (health, reported):
        await eventually(lambda: health.condition.state is ConnectionState.CONNECTED)
        backend.freeze()
        await eventually(lambda: health.condition.state is not ConnectionState.CONNECTED)

        backend.thaw()
        await eventually(lambda: backend.connections == 2 and backend.clients[-1].subscriptions.mempool)
        backend.world.add(whale)

        await eventually(
            lambda: any(isinstance(one, TransactionSeen) and one.tx.txid == whale.txid for one in reported)
        )


async def test_a_far_side_that_only_pauses_is_doubted_and_keeps_its_link() -> None:
    async with (
        Backend(World()) as backend,
        listening(backend, doubt_seconds=0.4, silence_seconds=60) as (health, _),
    ):
        await eventually(lambda: health.condition.state is ConnectionState.CONNECTED)
        backend.freeze()
        await eventually(lambda: health.condition.state is ConnectionState.RECONNECTING)

        backend.thaw()

        await eventually(lambda: health.condition.state is ConnectionState.CONNECTED)
        assert backend.connections == 1


async def test_of_a_flood_every_frame_is_read_in_its_order() -> None:
    clock, whales = Noted(), [a_whale() for _ in range(60)]
    async with (
        Backend(World()) as backend,
        listening(backend, silence_seconds=60, clock=clock) as (_, reported),
    ):
        await eventually(lambda: any(isinstance(one, SourceConnected) for one in reported))

        for count, whale in enumerate(whales):
            backend.world.add(whale)
            for _turn in range(100_000):  # each after the one before was read, and at once
                if len(seen(reported)) > count:
                    break
                await asyncio.sleep(0)

        assert seen(reported) == [whale.txid for whale in whales]
        assert GATHER_SECONDS in clock.sleeps


@asynccontextmanager
async def sending(send: Callable[[ServerConnection], Awaitable[None]]) -> AsyncIterator[str]:
    """A backend that does so once somebody subscribes to the mempool."""

    async def serving(link: ServerConnection) -> None:
        async for raw in link:
            if "track-mempool" in json.loads(raw):
                await send(link)

    async with serve(serving, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def all_at_once(whales: Sequence[Built]) -> Callable[[ServerConnection], Awaitable[None]]:
    """Each in a frame of its own, and all of these in one write."""

    async def send(link: ServerConnection) -> None:
        for count, whale in enumerate(whales, 1):
            link.protocol.send_text(a_delta(count, added=[whale.wire()]))
        link.transport.write(b"".join(link.protocol.data_to_send()))

    return send


@pytest.mark.parametrize("count", [9, 3 * MOST_TOGETHER])
async def test_frames_that_came_together_are_one_batch_in_their_order(count: int) -> None:
    whales, batches = [a_whale() for _ in range(count)], list[Sequence[Observation]]()
    send = all_at_once(whales)
    async with sending(send) as url, listening(url, silence_seconds=60, batches=batches) as (_, reported):
        await eventually(lambda: len(seen(reported)) == count)

    assert seen(reported) == [whale.txid for whale in whales]
    assert 1 < max(len(seen(batch)) for batch in batches) <= MOST_TOGETHER


@pytest.mark.parametrize("bytes_each", [0, LARGE_FRAME_BYTES])
async def test_what_was_read_before_the_reading_breaks_is_given_on(bytes_each: int) -> None:
    """`bytes_each`: those of what each frame holds beside its whale."""
    reported, whales, limits = list[Observation](), [a_whale() for _ in range(9)], iter([100, 100, 100])

    async def emit(observations: Sequence[Observation]) -> None:
        reported.extend(observations)

    async def send(link: ServerConnection) -> None:
        for count, whale in enumerate(whales, 1):
            parts = {"added": [whale.wire()], "removed": ["ab" * 32], "beside": "x" * bytes_each}
            await link.send(a_delta(count, **parts).decode())

    async with sending(send) as url:
        stream = a_stream(url, emit=emit, threshold=lambda: Sats(next(limits) * 100_000_000))
        with pytest.raises(RuntimeError):
            async with asyncio.timeout(SOON_SECONDS):
                await stream.run()

    assert seen(reported) == [whale.txid for whale in whales[:3]]


async def test_a_whale_is_not_held_up_by_the_half_message_behind_it() -> None:
    first, second = a_whale(), a_whale()
    rest = asyncio.Event()

    async def in_two_halves(link: ServerConnection) -> None:
        async def halves() -> AsyncIterator[str]:
            text = a_delta(2, added=[second.wire()]).decode()
            yield text[:100]
            await rest.wait()
            yield text[100:]

        await link.send(a_delta(1, added=[first.wire()]).decode())
        await link.send(halves())

    async with sending(in_two_halves) as url, listening(url, silence_seconds=60) as (_, reported):
        await eventually(lambda: bool(seen(reported)))
        assert seen(reported) == [first.txid]

        rest.set()
        await eventually(lambda: len(seen(reported)) == 2)


async def test_a_machine_that_slept_doubts_nobody() -> None:
    clock = Suspended()
    async with Backend(World()) as backend, listening(backend, clock=clock) as (health, _):
        await eventually(lambda: {"action": "ping"} in backend.messages)
        asked = len(backend.messages)

        clock.slept += 3600

        await eventually(lambda: len(backend.messages) > asked + 3)
        assert (health.condition.state, backend.connections) == (ConnectionState.CONNECTED, 1)


async def test_a_quiet_chain_is_no_silence_because_pings_are_answered() -> None:
    async with Backend(World()) as backend, listening(backend) as (health, _):
        await eventually(lambda: sum(one == {"action": "ping"} for one in backend.messages) >= 12)

        assert (health.condition.state, backend.connections) == (ConnectionState.CONNECTED, 1)


async def test_the_latest_blocks_are_asked_for_where_a_frame_was_lost() -> None:
    world = World()
    async with Backend(world) as backend, listening(backend, silence_seconds=60) as (health, reported):
        await eventually(lambda: any(isinstance(one, SourceConnected) for one in reported))
        first, second = a_whale(150 * BTC), a_whale(160 * BTC)
        world.add(first)
        await eventually(lambda: any(isinstance(one, TransactionSeen) for one in reported))
        deliver = world.push
        world.push = lambda _frame: None
        world.mine([first])
        world.push = deliver
        world.add(second)

        await eventually(
            lambda: any(
                isinstance(one, ChainListed) and one.blocks[-1].hash == world.tip.hash for one in reported
            )
        )
        assert health.condition.state is ConnectionState.CONNECTED


async def test_what_cannot_be_read_is_asked_for_seldom() -> None:
    asked: list[str] = []

    async def nonsense(link: ServerConnection) -> None:
        async for raw in link:
            action = json.loads(raw).get("action")
            asked.append(action)
            if action == "init":
                await link.send("nonsense")
            elif action == "ping":
                await link.send(json.dumps({"pong": True}))

    async with serve(nonsense, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with listening(f"http://127.0.0.1:{port}", silence_seconds=60):
            await eventually(lambda: asked.count("ping") >= 3)

    assert asked.count("init") == 2


def test_a_large_payload_is_read_in_pieces_and_what_follows_it_stays() -> None:
    reader = StreamReader()
    hold_large_frames_once(reader)
    payload = bytes(range(256)) * (HELD_ONCE_FROM_BYTES // 256 + 3)
    reading = reader.read_exact(len(payload))
    stream, read = payload + b"rest", None
    for start in range(0, len(stream), 100_003):
        reader.feed_data(stream[start : start + 100_003])
        try:
            next(reading)
        except StopIteration as done:
            read = done.value

    assert read == payload
    assert bytes(reader.buffer) == b"rest"


def test_a_large_payload_that_breaks_off_is_an_end_of_the_stream() -> None:
    reader = StreamReader()
    hold_large_frames_once(reader)
    reading = reader.read_exact(2 * HELD_ONCE_FROM_BYTES)
    reader.feed_data(b"x" * HELD_ONCE_FROM_BYTES)
    next(reading)
    reader.feed_eof()

    with pytest.raises(EOFError):
        next(reading)
