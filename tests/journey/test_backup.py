"""A running Spout is backed up and restored by the commands beside it."""

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

from tests.backend.process import BackendProcess
from tests.backend.transactions import a_whale
from tests.journey.spout import ROOT, SpoutProcess


def command(spout: SpoutProcess, *arguments: str | Path) -> str:
    ended = subprocess.run(
        [sys.executable, "-m", "app", *map(str, arguments)],
        cwd=ROOT,
        env=spout.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_a_running_spout_is_backed_up_and_goes_back_to_it(
    own_backend: BackendProcess, own_spout: SpoutProcess, tmp_path: Path
) -> None:
    spout, first, second = own_spout, a_whale(), a_whale()
    spout.start()
    own_backend.add(first)
    spout.wait_for(first.txid)

    command(spout, "export", tmp_path / "one.csv")
    assert first.txid in (tmp_path / "one.csv").read_text("utf-8")
    command(spout, "backup", tmp_path / "one.backup")
    own_backend.add(second)
    spout.wait_for(second.txid)
    reported = command(spout, "restore", tmp_path / "one.backup", "--yes")
    spout.wait_until_watching()
    spout.wait_for(second.txid)

    assert "The backup is restored" in reported
    assert spout.story(first.txid) == ["whale.detected"]


def test_the_socket_is_for_this_user_alone(own_spout: SpoutProcess) -> None:
    own_spout.start()

    path = own_spout.data_dir / "spout.sock"
    assert stat.S_ISSOCK(path.stat().st_mode)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(path))
        peer.sendall(b'{"do": "dance"}\n')
        assert b"does not know this command" in peer.recv(1_000)
    assert os.getuid() == path.stat().st_uid
