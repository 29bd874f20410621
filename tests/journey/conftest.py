"""A backend and a Spout that watches it, both as processes; most scenarios of a file share one pair."""

import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.backend.derive import write
from tests.backend.process import BackendProcess
from tests.backend.truth import RECORDINGS
from tests.journey.ear import Ear
from tests.journey.spout import SpoutProcess

Watching = Callable[..., SpoutProcess]


@pytest.fixture(scope="session")
def derived_answers(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Where the derived REST answers of each recording lie; those of `extra` in a folder of that name.

    They are made once a run, whichever of its processes asks first.
    """
    own = tmp_path_factory.getbasetemp()
    out = (own if worker_id == "master" else own.parent) / "derived"
    with (out.parent / "derived.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not out.exists():
            making = out.with_suffix(".making")
            write(RECORDINGS, making)
            write(RECORDINGS / "extra", making / "extra")
            making.rename(out)
    return out


@pytest.fixture(scope="module")
def backend() -> Iterator[BackendProcess]:
    with BackendProcess() as running:
        yield running


@pytest.fixture(scope="module")
def shared_spout(backend: BackendProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpoutProcess]:
    """One that watches the file's backend; it must neither fall nor complain in any of its scenarios."""
    with SpoutProcess(tmp_path_factory.mktemp("spout"), SPOUT_MEMPOOL_URL=backend.url) as running:
        yield running
        assert running.lives
        assert running.complaints() == []


@pytest.fixture
def spout(shared_spout: SpoutProcess) -> SpoutProcess:
    """The file's Spout, watching again, whatever the scenario before has left behind."""
    shared_spout.wait_until_watching()
    return shared_spout


@pytest.fixture(scope="module")
def ear(shared_spout: SpoutProcess) -> Ear:
    return shared_spout.listen()


@pytest.fixture
def own_backend() -> Iterator[BackendProcess]:
    with BackendProcess() as running:
        yield running


@pytest.fixture
def own_spout(own_backend: BackendProcess, tmp_path: Path) -> Iterator[SpoutProcess]:
    """Not started yet."""
    with_backend = SpoutProcess(tmp_path, SPOUT_MEMPOOL_URL=own_backend.url)
    try:
        yield with_backend
    finally:
        with_backend.__exit__(None, None, None)
