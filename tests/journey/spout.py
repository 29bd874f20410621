"""The whole program as a process: started, asked, killed and started again, as on an operator's machine."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.journey.ear import Ear
from tests.journey.waiting import PATIENCE_SECONDS, until

Json = dict[str, Any]
ROOT = Path(__file__).parents[2]
KILOBYTES_PER_MB = 1024


class SpoutProcess:
    """`with SpoutProcess(tmp_path, SPOUT_MEMPOOL_URL=backend.url) as spout:` starts it and waits for it.

    Its port stays the same through restarts, its words are collected in `log`.
    """

    def __init__(self, room: Path, /, **settings: str) -> None:
        """Keep the data in `room`/data; `settings` are its environment, beside what is needed to run."""
        self.room, self.settings = room, settings
        self.data_dir = Path(settings.get("SPOUT_DATA_DIR", room / "data"))
        self.port = free_port()
        self.log = room / "spout.log"
        self.command = COMMAND
        self._process: subprocess.Popen[bytes] | None = None
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=20.0, trust_env=False)
        self._ears: list[Ear] = []

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)  # it may run all the same, only too slowly
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for ear in self._ears:
            ear.close()
        self._http.close()
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def start(self, *, ready: bool = True) -> None:
        """Start it; `ready`: wait until it watches."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command, cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT
            )
        if ready:
            self.wait_until_watching()

    @property
    def environment(self) -> dict[str, str]:
        own = {"SPOUT_DATA_DIR": str(self.data_dir), "SPOUT_PORT": str(self.port)}
        return {**bare_environment(), **own, **self.settings}

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def process(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("start comes first")
        return self._process

    @property
    def lives(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL, as when the power goes."""
        self.process.kill()
        self.process.wait()

    def stop(self, *, seconds: float = 20.0) -> tuple[int, float]:
        """SIGTERM; return the exit code and the seconds it took."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=seconds)
        return code, time.monotonic() - started

    def restart(self) -> None:
        self.stop()
        self.start()

    # --- asking ----------------------------------------------------------------------------------

    def wait_until_watching(self, *, seconds: float = PATIENCE_SECONDS) -> None:
        """Until the backend's stream is connected and reconciled, or the demo plays."""
        until(self._watches, "Spout watches", seconds=seconds)

    def wait_until_watching_or_syncing(self) -> None:
        until(lambda: self.component("mempool_ws").get("status") in ("ok", "syncing"), "the link is up")

    def wait_for_pages(self) -> None:
        until(lambda: self.get_or_none("/healthz", "pages") == "ready", "the pages are served")

    def get(self, path: str) -> Json:
        """Return the JSON at `path`.

        Raises:
            AssertionError: if the answer is not 200.
        """
        answer = self._http.get(path)
        assert answer.status_code == httpx.codes.OK, f"{path}: {answer.status_code} {answer.text[:500]}"
        found: Json = answer.json()
        return found

    def get_or_none(self, path: str, key: str) -> Any:
        """Return one key of the answer; None while nothing answers."""
        try:
            answer = self._http.get(path)
        except httpx.TransportError:
            assert self.lives, f"it is gone: {self.last_words()}"
            return None
        return answer.json().get(key) if answer.status_code == httpx.codes.OK else None

    def text(self, path: str) -> httpx.Response:
        return self._http.get(path)

    def health(self) -> Json:
        return self.get("/api/v1/health")

    def component(self, name: str) -> Json:
        found: Json = next((one for one in self.health()["components"] if one["name"] == name), {})
        return found

    def notices(self) -> list[str]:
        return [notice["code"] for notice in self.health()["notices"]]

    def whale(self, txid: str) -> Json | None:
        """Return the prediction that has or had this txid; None if there is none."""
        answer = self._http.get(f"/api/v1/predictions/{txid}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        assert answer.status_code == httpx.codes.OK, answer.text
        found: Json = answer.json()
        return found

    def whales(self, **query: str) -> list[Json]:
        answer = self._http.get("/api/v1/predictions", params={"limit": "1000", **query})
        assert answer.status_code == httpx.codes.OK, answer.text
        found: list[Json] = answer.json()["predictions"]
        return found

    def story(self, txid: str) -> list[str]:
        """Return the types of all events of a whale, in order, without mere revisions of its forecast."""
        whale = self.whale(txid)
        events = whale["events"] if whale else []
        return [
            event["type"]
            for before, event in zip([None, *events], events, strict=False)
            if before is None or event["type"] != "whale.updated" or _life(before) != _life(event)
        ]

    def wait_for(self, txid: str, *, seconds: float = PATIENCE_SECONDS, **wanted: Any) -> Json:
        """Return the whale once it is there and its fields are as `wanted`."""
        last: Json | None = None

        def look() -> Json | None:
            nonlocal last
            last = self.whale(txid)
            return last if last and all(last[key] == value for key, value in wanted.items()) else None

        try:
            return until(look, f"{txid[:8]} with {wanted}", seconds=seconds)
        except AssertionError as error:
            reported = last and {
                "events": [one["type"] for one in last["events"]],
                **_without(last, "events"),
            }
            raise AssertionError(f"{error}; it is {reported}") from None

    def count(self, name: str) -> int:
        """Return a counter since the start, such as `gaps` or `skipped_messages`."""
        found = re.search(rf"^spout_{name}_total (\S+)$", self.text("/metrics").text, re.MULTILINE)
        assert found, f"there is no counter {name}"
        return int(float(found[1]))

    def wait_for_count(self, name: str, *, above: int) -> None:
        """Wait until a counter shows more than `above`: it is shown a moment after it was counted."""
        until(lambda: self.count(name) > above, f"{name} above {above}")

    def listen(self, *, after: int | None = 0) -> Ear:
        """Hear the event stream from a sequence on; None: what happens from now on."""
        ear = Ear(f"ws://127.0.0.1:{self.port}/api/v1/stream", after=after)
        self._ears.append(ear)
        return ear

    def memory_mb(self, field: str = "VmHWM") -> float:
        """Return its peak (VmHWM) or present (VmRSS) resident memory."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        found = re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE)
        assert found
        return int(found[1]) / KILOBYTES_PER_MB

    def last_words(self, lines: int = 20) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def complaints(self) -> list[str]:
        """Return the lines that no run should have: a part failed, a task was lost, a traceback."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if re.search(r"(part|step) failed|Traceback|never retrieved", line)]

    def _watches(self) -> bool:
        assert self.lives, f"it is gone: {self.last_words()}"
        components = self.get_or_none("/api/v1/health", "components") or []
        return any(one["name"] in ("mempool_ws", "bitcoind") and one["status"] == "ok" for one in components)


COMMAND: Sequence[str] = (sys.executable, "-m", "app", "run")


def bare_environment() -> dict[str, str]:
    """This process's environment without any setting of Spout."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SPOUT_")}


def ended(settings: Mapping[str, str], *, seconds: float = 20.0) -> tuple[int, str]:
    """Run it with settings that must end it; return its exit code and what it said on standard error."""
    run = subprocess.run(
        COMMAND,
        cwd=ROOT,
        env={**bare_environment(), **settings},
        capture_output=True,
        timeout=seconds,
        check=False,
    )
    return run.returncode, run.stderr.decode()


def free_port() -> int:
    with socket.socket() as ping_once:
        ping_once.bind(("127.0.0.1", 0))
        port: int = ping_once.getsockname()[1]
        return port


def _life(event: Json) -> tuple[Any, ...]:
    """Return what an event says of a whale beside its forecast and its package's feerate."""
    reported = event["data"]
    kept = ("status", "txid", "flow_type", "moved_sat", "moved_is", "reason", "left_unverified")
    return tuple(reported[name] for name in kept)


def _without(reported: Json, *names: str) -> Json:
    return {name: value for name, value in reported.items() if name not in names}
