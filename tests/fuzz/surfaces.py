"""Where what strangers wrote comes in: the product's own way of reading it, and what follows of it.

Each surface takes bytes and swallows a refusal in Spout's own words. Whatever else it raises is a fault.
"""

import io
import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from app import logs
from app.api.labels import labels_of, shipped_labels
from app.api.models import (
    Answer,
    EndpointChange,
    EndpointPreview,
    NewEndpoint,
    PredictionFilters,
    Request,
    StreamMessage,
    Subscribed,
    json_object,
    read,
)
from app.api.problems import Problem, to_json
from app.api.query import asked
from app.api.settings_change import SettingsChange
from app.api.stream.filter import event_filter
from app.core.encoding import address_of, decode
from app.core.flow import Entities, brief, read_label_file, write_labels
from app.core.forecasting import Forecaster
from app.core.forecasting.passagetable import MinerBeliefs, PassageTable
from app.core.models import SourceName
from app.core.observations import BlockConnected, Observation, TransactionSeen, Unanswered
from app.core.tracking import Tracker
from app.core.units import Sats
from app.errors import SpoutError
from app.settings import LogFormat, LogLevel, SettingsInForce, read_settings
from app.source.backend import FrameReader, stream_address
from app.source.backend.batch import FrameBatch, frame_with_batches
from app.source.bitcoind import RpcEndpoint
from app.source.bitcoind.zmq_feed import read_notification
from app.source.electrum import ElectrumEndpoint
from app.source.recording import RecordedTransport, moments, zero_of
from app.source.resilience import SeenTxids
from app.store import OperatorFile, open_operator
from app.store.searching import parse_cursor
from notifiers import Alerts
from notifiers.messages import message_of
from notifiers.policies import policy_of, style_of, watch_of
from notifiers.proxy import Proxy
from notifiers.targets import Allowed
from tests.api.builders import a_source_event, an_event
from tests.builders import DAY, a_block
from tests.core.story import THRESHOLD, a_whale_policy
from tests.fakes import NOON, FakeClock
from tests.fuzz import far_sides, good
from tests.notifiers.stage import alerts_over

ALONE = 2
"""Settings of an environment that are read one by one too."""
UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Surface:
    """`take` reads what was sent; `good` returns inputs that are well formed, and large ones."""

    take: Callable[[bytes], None]
    good: Callable[[], list[bytes]]


def ours(work: Callable[[], object]) -> None:
    with suppress(SpoutError, Problem):
        work()


def concluded(observations: Iterable[Observation]) -> None:
    """As the engine does with each: the forecaster first, then the tracker; nobody answers its questions."""
    forecaster = Forecaster(_chances())
    tracker = Tracker(a_whale_policy(forecast_source=forecaster))
    for observation in (BlockConnected(block=a_block(0), source=SourceName.MEMPOOL_WS), *observations):
        if not all(map(isfinite, _floats_in(observation))):
            raise AssertionError(f"{type(observation).__name__} holds a number without end")
        list(forecaster.receive(observation, NOON))
        for question in tracker.handle(observation, NOON).questions:
            tracker.handle(Unanswered(question=question, reason="not here"), NOON)


def _floats_in(value: object) -> Iterator[float]:
    if isinstance(value, float):
        yield value
    elif isinstance(value, dict):
        yield from chain.from_iterable(map(_floats_in, value.values()))
    elif isinstance(value, list | tuple):
        yield from chain.from_iterable(map(_floats_in, value))
    elif is_dataclass(value):
        yield from chain.from_iterable(_floats_in(getattr(value, one.name)) for one in fields(value))


def wire(raw: bytes) -> None:
    for threshold in (None, Sats(0), THRESHOLD):
        reader = FrameReader(None if threshold is None else lambda threshold=threshold: threshold)
        frames = (one for frame in raw.split(b"\n") for one in reader.feed(frame))
        concluded(SeenTxids().noting(frames))
    for slice_bytes in (64, 4_000):
        ours(lambda slice_bytes=slice_bytes: list(_in_slices(raw, slice_bytes)))


def _in_slices(raw: bytes, slice_bytes: int) -> Iterator[object]:
    """As a frame of hundreds of megabytes is read, cut finer."""
    found = frame_with_batches(raw, 3, slice_bytes)
    for batch in found.added if found is not None else ():
        if isinstance(batch, FrameBatch):
            yield list(batch.paid())
            for index in range(len(batch)):
                ours(lambda batch=batch, index=index: batch.whole(index))


def raw_transactions(raw: bytes) -> None:
    for topic in (b"rawtx", b"sequence", b"hashblock"):
        ours(lambda topic=topic: read_notification(topic, raw))
    seen = []
    ours(lambda: seen.append(decode(raw, address_of)))
    concluded(TransactionSeen(tx=tx, source=SourceName.BITCOIND, late=False) for tx in seen)


def electrum_lines(raw: bytes) -> None:
    concluded(far_sides.in_virtual_time(far_sides.electrum_session(raw)))


def backend_bodies(raw: bytes) -> None:
    concluded(far_sides.in_virtual_time(far_sides.backend_answers(raw)))


def node_bodies(raw: bytes) -> None:
    concluded(far_sides.in_virtual_time(far_sides.node_answers(raw)))
    concluded(far_sides.in_virtual_time(far_sides.node_session(raw)))


def recordings(raw: bytes) -> None:
    file = _room() / "recording"
    file.write_bytes(raw)
    ours(lambda: list(moments(file, 64)))
    ours(lambda: zero_of(file))
    ours(lambda: far_sides.in_virtual_time(far_sides.recorded_answers(RecordedTransport([file], NOON))))


def requests(raw: bytes) -> None:
    def taken() -> None:
        sent = json_object(raw)
        for shape in _requests():
            ours(lambda shape=shape: _read(shape, sent))
        ours(lambda: labels_of(sent, DAY))
        ours(lambda: asked(SettingsChange, sent))

    ours(taken)


def _read(shape: type[Request], sent: dict[str, Any]) -> None:
    found = read(shape, sent)
    if isinstance(found, PredictionFilters):
        parse_cursor(found.query())


def stream_messages(raw: bytes) -> None:
    def taken() -> None:
        sent = json_object(raw.decode(errors="replace"))  # the WebSocket refuses what is no UTF-8 itself
        message = asked(StreamMessage, sent)
        wanted = event_filter(sent.get("subscribe", {}))
        answer = Subscribed(filter=wanted.in_force, after=message.after, last_sequence=1, reset=False)
        to_json(answer.body())
        for event in (an_event(1), a_source_event(2)):
            wanted.passes(event)

    ours(taken)


def label_files(raw: bytes) -> None:
    def taken(*, private: bool | None) -> None:
        found = read_label_file(raw, today=DAY, known=shipped_labels(), private=private)
        brief(found.labels)
        Entities(found.labels)
        write_labels(found.labels, io.StringIO())

    for private in (None, True):
        ours(lambda private=private: taken(private=private))


def settings(raw: bytes) -> None:
    lines = raw.replace(b"\0", b"").decode(errors="surrogateescape").split("\n")  # as the environment has it
    environ = {name: value for name, _, value in (line.partition("=") for line in lines[:200])}
    ours(lambda: _used(environ))
    for name, value in [*environ.items()][:ALONE]:
        ours(lambda name=name, value=value: _used({name: value}))
    ours(lambda: SettingsInForce(read_settings({})).adopt(dict([*environ.items()][:ALONE])))


def _used(environ: dict[str, str]) -> None:
    """Read, and each as the part reads it that it is meant for."""
    read_ = read_settings(environ)
    repr((read_, read_.revealed(), read_.whale_threshold_sat, read_.mempool_url.masked, read_.loopback_only))
    ours(lambda: stream_address(read_.mempool_url))
    for url, parse in (
        (read_.electrs_url, ElectrumEndpoint.parse),
        (read_.bitcoind_url, RpcEndpoint.parse),
        (read_.outbound_proxy, Proxy.parse),
    ):
        if url is not None:
            ours(lambda url=url, parse=parse: parse(url))
    for hosts in (read_.allowed_targets, read_.trusted_proxies):
        if hosts is not None:
            ours(lambda hosts=hosts: Allowed.parse(hosts.entries))


def endpoints(raw: bytes) -> None:
    def taken() -> None:
        sent = json_object(raw)
        for shape in (NewEndpoint, EndpointChange, EndpointPreview):
            ours(lambda shape=shape: far_sides.in_virtual_time(_saved(_desk(), read(shape, sent))))

    ours(taken)


async def _saved(desk: "Desk", given: NewEndpoint | EndpointChange | EndpointPreview) -> None:
    """As the routes do: previewed; each kind changed; added, shown and removed."""
    alerts = desk.alerts
    if isinstance(given, EndpointPreview):
        await alerts.preview(given)
    elif isinstance(given, EndpointChange):
        for kept in await alerts.listed():
            with suppress(SpoutError):
                (await alerts.change(kept.id, given) or kept).body()
        await desk.as_before()
    else:
        made = await alerts.add(given)
        made.body()
        kept = made.model_dump(mode="json", by_alias=True)
        policy_of(given.kind, kept, UTC)
        for event in (an_event(1), a_source_event(2)):
            message_of(event, style_of(kept, UTC, "http://127.0.0.1:8999"))
        watch_of(kept)
        await alerts.listed()
        await desk.as_before()


@dataclass(frozen=True, slots=True)
class Desk:
    """Over a real file, with an endpoint of each kind that changes are tried on."""

    alerts: Alerts
    file: OperatorFile
    rows: list[tuple[Any, ...]]

    async def as_before(self) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM endpoints")
            connection.executemany("INSERT INTO endpoints VALUES (?, ?, ?, ?, ?, ?, ?, ?)", self.rows)

        await self.file.run(work)


@cache
def _desk() -> Desk:
    async def opened() -> Desk:
        file = (await open_operator(_room(), at=NOON)).file
        alerts = alerts_over(file, FakeClock())
        for number, sent in enumerate(good.endpoints()):
            with suppress(SpoutError):
                await alerts.add(read(NewEndpoint, json.loads(sent) | {"name": f"kept {number}"}))
        rows = await file.run(lambda connection: connection.execute("SELECT * FROM endpoints").fetchall())
        return Desk(alerts, file, [tuple(row) for row in rows])

    return far_sides.in_virtual_time(opened())


def quiet() -> None:
    """Log as the product does, to nowhere: what is logged of an input is made and written too."""
    nowhere = open("/dev/null", "w", encoding="utf-8", errors="backslashreplace")  # noqa: PTH123, SIM115 - a device
    logs.configure(LogLevel.INFO, LogFormat.CONSOLE, nowhere)


@cache
def _chances() -> PassageTable:
    return PassageTable(MinerBeliefs())


def _room() -> Path:
    return Path(_kept_room().name)


@cache
def _kept_room() -> tempfile.TemporaryDirectory[str]:
    """In memory where the machine has such a place: a disk is not what is looked at. Gone at the end."""
    shared = Path("/dev/shm")
    return tempfile.TemporaryDirectory(prefix="spout-fuzz-", dir=shared if shared.is_dir() else None)


def clear() -> None:
    _kept_room().cleanup()


@cache
def _requests() -> tuple[type[Request], ...]:
    """Every shape of what the API is told."""

    def below(shape: type[Request]) -> Iterator[type[Request]]:
        for one in shape.__subclasses__():
            if one.__module__.startswith("app.") and not issubclass(one, Answer):
                yield one
            yield from below(one)

    return tuple(dict.fromkeys(below(Request)))


SURFACES: dict[str, Surface] = {
    "wire": Surface(wire, cache(good.frames)),
    "raw-transactions": Surface(raw_transactions, cache(good.raw_transactions)),
    "electrum-lines": Surface(electrum_lines, cache(good.electrum_lines)),
    "recordings": Surface(recordings, cache(good.recordings)),
    "backend-bodies": Surface(backend_bodies, cache(good.backend_bodies)),
    "node-bodies": Surface(node_bodies, cache(lambda: [*good.node_bodies(), far_sides.a_node_session()])),
    "requests": Surface(requests, cache(good.requests)),
    "stream-messages": Surface(stream_messages, cache(good.stream_messages)),
    "label-files": Surface(label_files, cache(good.label_files)),
    "settings": Surface(settings, cache(good.settings)),
    "endpoints": Surface(endpoints, cache(good.endpoints)),
}
"""The nine of the issue; REST bodies are those of the backend, of the node, and of the API's own callers."""
