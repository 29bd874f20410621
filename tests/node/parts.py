"""Where the real parts are; fetched when missing. Without them tests are skipped, with CI set they fail."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ROOT / ".parts"
FETCH_SECONDS = 300


def bitcoind_binary() -> Path:
    named = os.environ.get("SPOUT_TEST_BITCOIND")
    if named:
        return Path(named)
    return _part(PARTS / "bitcoind/bin/bitcoind", "get_bitcoind.sh")


def electrum_binary() -> Path:
    return _part(PARTS / "electrum/bin/electrumx_server", "get_electrum.sh")


def free_port() -> int:
    with socket.socket() as ping_once:
        ping_once.bind(("127.0.0.1", 0))
        port: int = ping_once.getsockname()[1]
        return port


def _part(path: Path, script: str) -> Path:
    if path.exists():
        return path
    fetched = subprocess.run(
        [shutil.which("sh") or "/bin/sh", str(Path(__file__).with_name(script))],
        capture_output=True,
        text=True,
        timeout=FETCH_SECONDS,
        check=False,
    )
    if path.exists():
        return path
    reason = f"{script} could not fetch the real part: {fetched.stderr.strip()[-300:]}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
