import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from app.clock import SystemClock
from app.commands.doctor import clock_line
from app.commands.own_ground import examine_data_dir
from app.settings.kinds import HttpUrl
from app.source.checks.backend import examine_backend
from app.source.checks.node import CheckVerdict
from app.store.opening import open_database
from tests.backend.process import BackendProcess
from tests.commands.conftest import Ended, Spout
from tests.fakes import FakeClock
from tests.node.node import Node

COMPONENTS = (
    "mempool_ws",
    "mempool_rest",
    "electrs",
    "bitcoind",
    "bitcoind ZMQ",
    "data directory",
    "clock",
    "free disk",
)
NOBODY = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def backend() -> Iterator[BackendProcess]:
    with BackendProcess() as running:
        yield running


def status_of(ended: Ended, name: str) -> str:
    (line,) = [line for line in ended.stdout.splitlines() if line[10:].startswith(f"{name}  ")]
    return line.split()[0]


def test_with_a_backend_there_is_one_line_a_component_and_exit_0(
    spout: Spout, backend: BackendProcess
) -> None:
    ended = spout("doctor", SPOUT_MEMPOOL_URL=backend.url)

    assert ended.returncode == 0, ended.stdout
    assert len(ended.stdout.splitlines()) == len(COMPONENTS)
    assert (status_of(ended, "mempool_ws"), status_of(ended, "mempool_rest")) == ("ok", "ok")
    assert "mempool 3.3.1" in ended.stdout


def test_without_a_backend_it_fails_and_says_what_to_do(spout: Spout) -> None:
    ended = spout("doctor", SPOUT_MEMPOOL_URL=NOBODY)

    assert ended.returncode == 1
    assert {name: status_of(ended, name) for name in COMPONENTS[:2]} == dict.fromkeys(
        COMPONENTS[:2], "failed"
    )
    assert "Check SPOUT_MEMPOOL_URL" in ended.stdout


def test_a_password_in_an_address_is_not_shown(spout: Spout) -> None:
    ended = spout(
        "doctor",
        SPOUT_MEMPOOL_URL="http://me:hunter2@127.0.0.1:9",
        SPOUT_BITCOIND_URL="http://me:hunter2@127.0.0.1:9",
    )

    assert "hunter2" not in ended.stdout + ended.stderr


def test_a_required_node_that_does_not_answer_fails(spout: Spout) -> None:
    ended = spout("doctor", SPOUT_SOURCE="bitcoind", SPOUT_BITCOIND_URL=NOBODY)

    assert ended.returncode == 1
    assert status_of(ended, "bitcoind") == "failed"


def test_an_electrs_that_does_not_answer_is_told_but_does_not_decide(
    spout: Spout, backend: BackendProcess
) -> None:
    ended = spout("doctor", SPOUT_MEMPOOL_URL=backend.url, SPOUT_ELECTRS_URL="tcp://127.0.0.1:9")

    assert status_of(ended, "electrs") == "failed"
    assert ended.returncode == 0


def test_a_backend_whose_node_is_down_is_degraded(spout: Spout) -> None:
    with BackendProcess() as backend:
        backend.call("node_down")
        ended = spout("doctor", SPOUT_MEMPOOL_URL=backend.url)

    assert status_of(ended, "mempool_rest") == "degraded"
    assert "look at bitcoind" in ended.stdout


def test_something_else_on_the_port_is_a_failure_not_a_traceback(spout: Spout) -> None:
    with BackendProcess() as backend:
        backend.call("rest_body", path="/api/v1/backend-info", body="<html>a router</html>")
        ended = spout("doctor", SPOUT_MEMPOOL_URL=backend.url)

    assert ended.returncode == 1
    assert status_of(ended, "mempool_rest") == "failed"


def test_a_data_directory_that_is_a_file_fails(here: Path) -> None:
    (here / "file").touch()

    assert examine_data_dir(here / "file" / "below").status is CheckVerdict.FAILED


async def test_a_data_directory_in_use_is_no_failure(here: Path) -> None:
    opened = await open_database(here / "kept", at=SystemClock().now())

    found = examine_data_dir(here / "kept")
    await opened.database.close()

    assert (found.status, "in use" in found.message) == (CheckVerdict.OK, True)


async def test_a_kept_database_tells_its_version_and_is_left_as_it_was(here: Path) -> None:
    opened = await open_database(here / "kept", at=SystemClock().now())
    await opened.database.close()
    before = (here / "kept" / "spout.duckdb").read_bytes()

    found = examine_data_dir(here / "kept")

    assert "database version" in found.message
    assert (here / "kept" / "spout.duckdb").read_bytes() == before


async def test_a_damaged_database_fails_and_stays_where_it_is(here: Path) -> None:
    (here / "kept").mkdir()
    (here / "kept" / "spout.duckdb").write_bytes(os.urandom(20_000))

    assert examine_data_dir(here / "kept").status is CheckVerdict.FAILED
    assert (here / "kept" / "spout.duckdb").stat().st_size == 20_000


@pytest.mark.parametrize(
    ("seconds", "status"), [(0.4, "ok"), (-29, "ok"), (31, "degraded"), (-4000, "degraded"), (None, "off")]
)
def test_a_clock_is_judged_by_the_backends(seconds: float | None, status: str) -> None:
    assert clock_line(seconds).status == status


async def test_the_backends_clock_is_read_from_its_answers() -> None:
    class Dated(RequestHandler):
        def get(self) -> None:
            self.write({"version": "3.4.0"})

    socket, port = bind_unused_port()
    server = HTTPServer(Application([(r".*", Dated)]))
    server.add_socket(socket)
    behind = FakeClock(SystemClock().now() - timedelta(hours=1))

    exam = await examine_backend(HttpUrl(f"http://127.0.0.1:{port}"), behind)
    server.stop()

    assert exam.off_by is not None
    assert -3_700 < exam.off_by < -3_590
    assert [finding.status for finding in exam.findings] == [CheckVerdict.FAILED, CheckVerdict.OK]


@contextmanager
def a_port_that_swallows() -> Iterator[int]:
    """A full queue of connections: whoever comes now hears nothing, as behind a firewall that drops."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def test_behind_a_firewall_that_drops_each_line_says_so(spout: Spout) -> None:
    with a_port_that_swallows() as port:
        run = spout(
            "doctor",
            SPOUT_MEMPOOL_URL=f"http://127.0.0.1:{port}",
            SPOUT_ELECTRS_URL=f"tcp://127.0.0.1:{port}",
            SPOUT_BITCOIND_URL=f"http://user:word@127.0.0.1:{port}",
        )

    lines = [line for line in run.stdout.splitlines() if line.startswith("failed")]
    assert [line.split()[1] for line in lines] == ["mempool_ws", "mempool_rest", "electrs", "bitcoind"]
    assert all("is a firewall between?" in line for line in lines)


@contextmanager
def frozen_peer() -> Iterator[str]:
    """It accepts connections, and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def test_peers_that_are_frozen_are_told_within_five_seconds_and_no_firewall_is_guessed(spout: Spout) -> None:
    with frozen_peer() as peer:
        began = time.monotonic()
        ended = spout(
            "doctor",
            SPOUT_MEMPOOL_URL=f"http://{peer}",
            SPOUT_ELECTRS_URL=f"tcp://{peer}",
            SPOUT_BITCOIND_URL=f"http://me:secret@{peer}",
        )
        took = time.monotonic() - began
        alone = time.monotonic()
        spout("version")

    assert took - (time.monotonic() - alone) < 5.0
    assert "firewall" not in ended.stdout
    assert "frozen, or very busy" in ended.stdout
    assert ended.returncode == 1


@pytest.mark.node
def test_a_backend_that_failed_does_not_decide_where_a_node_answers(spout: Spout, tmp_path: Path) -> None:
    node = Node(tmp_path / "node")
    node.start()
    try:
        ended = spout("doctor", SPOUT_MEMPOOL_URL=NOBODY, SPOUT_BITCOIND_URL=node.url)
    finally:
        node.kill()

    assert (status_of(ended, "mempool_rest"), status_of(ended, "bitcoind")) == ("failed", "ok")
    assert ended.returncode == 0
