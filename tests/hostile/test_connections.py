"""Sockets that nobody answers for: the appliance as a process, at the usual 1,024 descriptors."""

import logging
import os
import resource
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.conftest import Composition
from tests.hostile.crowd import crowd
from tests.journey.spout import SpoutProcess
from tests.journey.waiting import until

DESCRIPTORS = 1_024
AT_MOST_MB = 60.0
AT_MOST_SECONDS = 8.0
"""A machine that runs the whole suite beside it is slow; without the caps there is no answer at all."""
GUESS = b"POST /api/v1/labels HTTP/1.1\r\nHost: x\r\nX-API-Key: guess\r\n"


@pytest.fixture(scope="module")
def spout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpoutProcess]:
    """One that plays the demo behind a password, with no more descriptors than a plain shell has."""
    room = tmp_path_factory.mktemp("spout")
    running = SpoutProcess(room, SPOUT_SOURCE="demo", SPOUT_PASSWORD="open sesame")
    limited = f"ulimit -n {DESCRIPTORS}; exec {sys.executable} -m app run"
    running.command = ("sh", "-c", limited)
    try:
        running.start(ready=False)
        until(lambda: running.get_or_none("/healthz", "pages") == "ready", "its pages are there", seconds=60)
        yield running
        assert running.complaints() == []
    finally:
        running.__exit__(None, None, None)


def answer_seconds(spout: SpoutProcess) -> float:
    """How long a newcomer waits for `/healthz`."""
    started = time.monotonic()
    with httpx.Client(trust_env=False, timeout=30) as client:
        client.get(f"http://127.0.0.1:{spout.port}/healthz").raise_for_status()
    return time.monotonic() - started


def descriptors(spout: SpoutProcess) -> int:
    return len(list(Path(f"/proc/{spout.pid}/fd").iterdir()))


@pytest.mark.timed
def test_idle_sockets_do_not_keep_healthz_from_answering(spout: SpoutProcess) -> None:
    with crowd(spout.port, 1_100):
        assert answer_seconds(spout) < AT_MOST_SECONDS
        assert descriptors(spout) < DESCRIPTORS / 2


def test_the_one_idle_longest_makes_room(spout: SpoutProcess) -> None:
    with crowd(spout.port, 70) as standing:
        answer_seconds(spout)
        standing[0].settimeout(5)

        assert standing[0].recv(1) == b""


@pytest.mark.timed
@pytest.mark.parametrize(
    "said",
    [
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 16000\r\n\r\n",
        GUESS + b"Content-Length: 1000000\r\n\r\n",
        GUESS + b"Content-Length: 131000\r\n\r\n",
        GUESS + b"Transfer-Encoding: chunked\r\n\r\nf4240\r\n",
    ],
    ids=["large", "small", "large-with-a-guess", "with-a-guess", "chunked-with-a-guess"],
)
def test_bodies_that_never_end_take_little_memory(spout: SpoutProcess, said: bytes) -> None:
    before = spout.memory_mb("VmRSS")

    with crowd(spout.port, 600, said + b"x" * 900_000):
        assert answer_seconds(spout) < AT_MOST_SECONDS
        assert spout.memory_mb("VmRSS") - before < AT_MOST_MB


async def test_requests_that_a_client_left_behind_are_not_served(
    composition: Composition, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "app.http")
    with socket.create_connection(("127.0.0.1", composition.server.port)) as client:
        client.sendall(b"GET /login HTTP/1.1\r\nHost: x\r\n\r\n" * 400)
    for _ in range(100):
        await composition.http.get("/healthz")

    served = [record for record in caplog.records if getattr(record, "path", "") == "/login"]
    assert 0 < len(served) < 20


@pytest.mark.timed
def test_out_of_descriptors_it_pauses_and_makes_room(spout: SpoutProcess) -> None:
    with crowd(spout.port, 20):
        answer_seconds(spout)
        usual = resource.prlimit(spout.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(spout.pid, resource.RLIMIT_NOFILE, (descriptors(spout), usual[1]))
        try:
            used = processor_seconds(spout)
            assert answer_seconds(spout) < AT_MOST_SECONDS
            assert processor_seconds(spout) - used < 2
        finally:
            resource.prlimit(spout.pid, resource.RLIMIT_NOFILE, usual)

    assert spout.lives


def processor_seconds(spout: SpoutProcess) -> float:
    """What it has used since its start."""
    fields = Path(f"/proc/{spout.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
