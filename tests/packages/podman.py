"""Containers of the tests' own: read-only, 300 MB, no capabilities, uid 1000; a store gives them more."""

import json
import subprocess
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import httpx

from tests.journey.spout import free_port
from tests.journey.waiting import until

IMAGE = "localhost/spout:latest"
MEMORY_MB = 300
Json = dict[str, Any]


def podman(*arguments: str, seconds: float = 60, check: bool = True, stdin: str | None = None) -> str:
    """Run one command of podman's and return what it printed.

    Raises:
        AssertionError: if it fails, with its words.
    """
    ran = subprocess.run(
        ["podman", *arguments], capture_output=True, text=True, timeout=seconds, check=False, input=stdin
    )
    assert not check or ran.returncode == 0, f"podman {' '.join(arguments)}: {ran.stderr[-2000:]}"
    return ran.stdout.strip()


class Network:
    def __init__(self, name: str, *options: str) -> None:
        self.name, self._options = name, options

    def __enter__(self) -> Self:
        podman("network", "rm", "--force", self.name, check=False)
        podman("network", "create", *self._options, self.name)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        podman("network", "rm", "--force", self.name, check=False)

    @property
    def bridge(self) -> str:
        """The interface on this machine that the containers are behind."""
        return str(json.loads(podman("network", "inspect", self.name))[0]["network_interface"])


class Container:
    """One container of the image; started by `start`, gone at the end."""

    def __init__(self, name: str, *, volume: str, network: str = "podman", **settings: str) -> None:
        self.name, self._volume, self._network = name, volume, network
        self.settings = {"SPOUT_SOURCE": "demo", "SPOUT_PASSWORD": "open sesame", **settings}
        self.port = free_port()

    def __enter__(self) -> Self:
        podman("rm", "--force", "--ignore", self.name)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        podman("rm", "--force", "--ignore", "--time", "0", self.name)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> float:
        """Run it as the stores do; return the seconds until `/healthz` answers."""
        settings = [part for name, value in self.settings.items() for part in ("--env", f"{name}={value}")]
        began = time.monotonic()
        podman("run", "--detach", "--name", self.name, *self.hardened, *settings, IMAGE)
        self.wait()
        return time.monotonic() - began

    @property
    def hardened(self) -> Sequence[str]:
        # Docker gives a read-only container no /tmp to write to, so podman must not either.
        return (
            "--init --read-only --read-only-tmpfs=false --cap-drop=all --user=1000:1000 --no-healthcheck "
            f"--memory={MEMORY_MB}m --memory-swap={MEMORY_MB}m --env=SPOUT_MEMORY_LIMIT_MB=280 "
            f"--network={self._network} --publish=127.0.0.1:{self.port}:8411 --volume={self._volume}:/data"
        ).split()

    def wait(self, *, pages: bool = False, seconds: float = 60) -> None:
        def answers() -> bool:
            found = self.get_or_none("/healthz")
            assert found is not None or self.lives, self.logs()
            return found is not None and (not pages or found["pages"] == "ready")

        until(answers, f"{self.name} answers", seconds=seconds)

    def get_or_none(self, path: str) -> Json | None:
        try:
            answer = httpx.get(f"{self.url}{path}", timeout=5, trust_env=False)
        except httpx.TransportError:
            return None
        found: Json | None = answer.json() if answer.status_code == httpx.codes.OK else None
        return found

    @property
    def lives(self) -> bool:
        return podman("inspect", "--format", "{{.State.Running}}", self.name) == "true"

    def logs(self) -> str:
        ran = subprocess.run(
            ["podman", "logs", self.name], capture_output=True, text=True, timeout=30, check=False
        )
        return (ran.stdout + ran.stderr)[-3000:]

    def run(self, *command: str, seconds: float = 60) -> str:
        """Run a command in the running container."""
        return podman("exec", self.name, *command, seconds=seconds)

    def kill(self) -> None:
        podman("kill", self.name)
        podman("wait", self.name)

    def start_again(self) -> None:
        podman("start", self.name)
        self.wait()
