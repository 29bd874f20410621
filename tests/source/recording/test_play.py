"""Recordings read back: in order, by their moment, and never half."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.errors import RecordingError, UnreachableError
from app.source.recording.play import RecordedTransport, moments, zero_of

ZERO = datetime(2026, 11, 22, tzinfo=UTC)
A = "aa" * 32


def written(folder: Path, *lines: Any, packed: bool = True, name: str = "one.jsonl.gz") -> Path:
    path = folder / name
    raw = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    path.write_bytes(gzip.compress(raw) if packed else raw)
    return path


def received(t: float, frame: Any, direction: str = "in") -> dict[str, Any]:
    return {"t": t, "dir": direction, "frame": frame}


def answered(t: float | None, body: Any, status: int = 200, path: str = "/api/v1/x") -> dict[str, Any]:
    return {"t": t, "path": path, "status": status, "body": body}


@pytest.mark.parametrize("packed", [True, False])
def test_moments_come_in_order_packed_or_not(tmp_path: Path, packed: bool) -> None:  # noqa: FBT001
    path = written(tmp_path, received(1, {"a": 1}), received(2, {"b": 2}), packed=packed)

    assert [(one.t, one.frame) for one in moments(path)] == [(1, b'{"a": 1}'), (2, b'{"b": 2}')]


def test_what_the_client_said_is_left_out(tmp_path: Path) -> None:
    assert list(moments(written(tmp_path, received(1, {}, "out")))) == []


def test_what_the_link_did_is_a_word(tmp_path: Path) -> None:
    path = written(tmp_path, received(1, {"event": "open", "url": "x"}, "meta"))

    assert [one.meta for one in moments(path)] == ["open"]


@pytest.mark.parametrize("cut", [5, 20, 40, -1])
def test_a_packed_recording_that_breaks_off_is_refused(tmp_path: Path, cut: int) -> None:
    path = written(tmp_path, *(received(number, {"n": number}) for number in range(50)))
    path.write_bytes(path.read_bytes()[:cut])

    with pytest.raises(RecordingError, match=r"one\.jsonl\.gz"):
        list(moments(path))


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x01\x02\xff" * 50,
        b"\x1f\x8b" + b"\x00" * 40,
        b"\x1f\x8b\x08\x00" + b"\xff" * 60,
        b'{"t": 1, "dir": "in"}\n',
        b'{"t": "one", "dir": "in", "frame": {}}\n',
        b'{"t": 1e30, "dir": "in", "frame": {}}\n',
        b'{"t": 1, "dir": "in", "frame": {\n',
        b"[" * 100_000 + b"\n",
        b'{"t": 1, "dir": "meta", "frame": 7}\n',
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "one.jsonl"
    path.write_bytes(raw)

    with pytest.raises(RecordingError):
        list(moments(path))


def test_a_damaged_middle_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, *(received(number, {"n": A * number}) for number in range(50)))
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    path.write_bytes(raw)

    with pytest.raises(RecordingError):
        list(moments(path))


@pytest.mark.parametrize("name", ["absent", "."])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name

    with pytest.raises(RecordingError):
        list(moments(path))


def test_second_zero_is_by_the_first_stamp(tmp_path: Path) -> None:
    stamp = int(ZERO.timestamp()) + 10
    path = written(
        tmp_path,
        received(1, {"a": 1}),
        received(10, {"mempool-transactions": {"added": [{"firstSeen": stamp}]}}),
    )

    assert zero_of(path) == ZERO


def test_without_a_stamp_second_zero_is_the_epoch(tmp_path: Path) -> None:
    assert zero_of(written(tmp_path, received(1, {"a": 1}))).timestamp() == 0


async def ask(transport: RecordedTransport, t: float, path: str = "/api/v1/x") -> Any:
    transport.t = t
    return json.loads((await transport.request("GET", path)).body)


async def test_the_latest_answer_at_or_before_the_moment_counts(tmp_path: Path) -> None:
    transport = RecordedTransport([written(tmp_path, answered(5, "five"), answered(9, "nine"))], ZERO)

    assert [await ask(transport, t) for t in (5, 8.9, 9, 100)] == ["five", "five", "nine", "nine"]


async def test_an_answer_without_a_time_was_always_there(tmp_path: Path) -> None:
    assert await ask(RecordedTransport([written(tmp_path, answered(None, "old"))], ZERO), -5) == "old"


@pytest.mark.parametrize(("t", "path"), [(1, "/api/v1/x"), (9, "/api/v1/other")])
async def test_what_was_not_recorded_by_then_is_unreachable(tmp_path: Path, t: float, path: str) -> None:
    transport = RecordedTransport([written(tmp_path, answered(5, "five"))], ZERO)

    with pytest.raises(UnreachableError):
        await ask(transport, t, path)


async def test_a_recorded_failure_is_unreachable(tmp_path: Path) -> None:
    transport = RecordedTransport([written(tmp_path, answered(5, None, status=0))], ZERO)

    with pytest.raises(UnreachableError):
        await ask(transport, 9)


async def test_an_answer_holds_as_of_when_it_was_given(tmp_path: Path) -> None:
    transport = RecordedTransport([written(tmp_path, answered(5, "five"))], ZERO)
    transport.t = 50

    assert (await transport.request("GET", "/api/v1/x")).as_of == ZERO + timedelta(seconds=5)


def prevouts(request: Any, body: Any) -> dict[str, Any]:
    return {"path": "/api/v1/prevouts", "status": 200, "method": "POST", "request": request, "body": body}


async def test_prevouts_are_found_one_by_one(tmp_path: Path) -> None:
    reported = prevouts([{"txid": A, "vout": 0}, {"txid": A, "vout": 1}], [{"prevout": 1}, {"prevout": 2}])
    transport = RecordedTransport([written(tmp_path, reported)], ZERO)
    payload = json.dumps([{"txid": A, "vout": 1}, {"txid": A, "vout": 9}]).encode()
    answer = await transport.request("POST", "/api/v1/prevouts", payload)

    assert json.loads(answer.body) == [{"prevout": 2}, None]


@pytest.mark.parametrize("line", [{"path": 5}, 7, prevouts("x", []), prevouts([{"txid": 5}], [])])
def test_what_is_no_recorded_answer_is_refused(tmp_path: Path, line: Any) -> None:
    with pytest.raises(RecordingError):
        RecordedTransport([written(tmp_path, line)], ZERO)


@pytest.mark.parametrize("content", [b"", b"\n", gzip.compress(b"", mtime=0)])
def test_a_file_without_any_answer_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "rest.jsonl.gz").write_bytes(content)

    with pytest.raises(RecordingError, match="holds no recorded answers"):
        RecordedTransport([tmp_path / "rest.jsonl.gz"], ZERO)


def test_a_line_that_unfolds_without_end_is_refused_before_it_is_held(tmp_path: Path) -> None:
    path = tmp_path / "bomb.ws.jsonl.gz"
    path.write_bytes(gzip.compress(b"0" * 8 * 1024 * 1024))

    with pytest.raises(RecordingError, match=r"line 1: longer than a frame may be here \(2 MB\)"):
        list(moments(path, most_mb=2))
