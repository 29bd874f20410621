"""A real Electrum server in front of a node of the test."""

import os
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.node.node import Node
from tests.node.parts import electrum_binary, free_port

START_SECONDS = 40.0


@dataclass
class ElectrumServer:
    node: Node
    directory: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.directory.mkdir(exist_ok=True)
        settings = {
            "COIN": "Bitcoin",
            "NET": "regtest",
            "DB_ENGINE": "leveldb",
            "DB_DIRECTORY": str(self.directory),
            "DAEMON_URL": self.node.url + "/",
            "SERVICES": self.url,
            "ALLOW_ROOT": "1",
            "COST_SOFT_LIMIT": "0",
            "COST_HARD_LIMIT": "0",
            "PEER_DISCOVERY": "off",
            "PEER_ANNOUNCE": "",
        }
        log = (self.directory / "server.log").open("ab")
        self.process = subprocess.Popen(
            [str(electrum_binary())], env={**os.environ, **settings}, stdout=log, stderr=log
        )
        self._wait_until_open()

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait(10)

    def _wait_until_open(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                log = (self.directory / "server.log").read_text()[-600:]
                assert self.process
                assert self.process.poll() is None, f"the Electrum server ended at its start: {log}"
                assert time.monotonic() < deadline, f"the Electrum server did not start: {log}"
                time.sleep(0.05)
            else:
                return
