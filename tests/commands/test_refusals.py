"""Whatever is wrong with what was asked for: one line on standard error, exit code 2."""

import gzip
import json
import os
from pathlib import Path

import pytest

from tests.commands.conftest import Spout, one_line


def test_a_missing_file_is_refused_in_one_line(process: Spout) -> None:
    ended = process("replay", "nowhere.ws.jsonl.gz")

    assert ended.returncode == 2
    assert "there is no such file" in one_line(ended.stderr)


def test_a_directory_is_refused_with_an_example_of_a_file(spout: Spout, tmp_path: Path) -> None:
    ended = spout("replay", tmp_path)

    assert ended.returncode == 2
    assert "is a directory" in one_line(ended.stderr)


def test_a_pipe_is_refused(spout: Spout, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    assert "no plain file" in one_line(spout("replay", tmp_path / "pipe").stderr)


def test_binary_garbage_is_refused(process: Spout, tmp_path: Path) -> None:
    (tmp_path / "garbage").write_bytes(bytes(range(256)) * 40)

    ended = process("replay", tmp_path / "garbage")

    assert ended.returncode == 2
    assert "not a line of a recording" in one_line(ended.stderr)


def test_gzip_cut_in_the_middle_is_refused(spout: Spout, tmp_path: Path) -> None:
    line = json.dumps({"t": 0, "dir": "in", "frame": os.urandom(90_000).hex()}) + "\n"
    whole = gzip.compress(line.encode() * 2)
    (tmp_path / "cut.gz").write_bytes(whole[: len(whole) // 2])

    ended = spout("replay", tmp_path / "cut.gz")

    assert ended.returncode == 2
    assert "cut off or damaged" in one_line(ended.stderr)


def test_a_second_that_is_no_time_is_refused(spout: Spout, tmp_path: Path) -> None:
    (tmp_path / "never").write_text('{"t": 1e300, "dir": "in", "frame": {}}\n')

    assert "line 1" in one_line(spout("replay", tmp_path / "never").stderr)


def test_an_empty_file_is_refused(spout: Spout, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()

    assert "holds no recorded frames" in one_line(spout("replay", tmp_path / "empty").stderr)


def test_answers_that_are_none_are_refused(spout: Spout, recording: Path) -> None:
    ended = spout("replay", recording, "--rest", recording)

    assert ended.returncode == 2
    assert "not a recorded answer" in one_line(ended.stderr)


def test_a_dump_never_overwrites_what_is_replayed(spout: Spout, recording: Path) -> None:
    before = recording.read_bytes()

    ended = spout("replay", recording, "--dump", recording)

    assert ended.returncode == 2
    one_line(ended.stderr)
    assert recording.read_bytes() == before


@pytest.mark.parametrize("place", ["nowhere/whales.jsonl", "."])
def test_a_dump_that_cannot_be_written_is_refused(spout: Spout, recording: Path, place: str) -> None:
    ended = spout("replay", recording, "--dump", place)

    assert ended.returncode == 2
    one_line(ended.stderr)


def test_a_data_directory_that_is_a_file_is_refused(spout: Spout, recording: Path) -> None:
    ended = spout("replay", recording, "--data-dir", recording)

    assert ended.returncode == 2
    assert str(recording) in one_line(ended.stderr)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["replya"], "Did you mean 'replay'"),
        (["dance"], "No such command 'dance'"),
        (["replay"], "Missing argument 'FILE...'"),
        (["replay", "x", "--speed", "fast"], "'fast' is not one of 'max', '1', '60'"),
        (["replay", "x", "--jsn"], "--json"),
        (["run", "--port", "8000"], "No such option: --port"),
        (["keys"], "spout keys --help"),
        (["keys", "create", "phone", "--scope", "root"], "'root' is not one of 'read', 'admin'"),
    ],
)
def test_arguments_that_cannot_be_understood_are_one_line(
    spout: Spout, arguments: list[str], words: str
) -> None:
    ended = spout(*arguments)

    assert ended.returncode == 2
    assert words in one_line(ended.stderr)
    assert ended.stdout == ""


def test_a_setting_that_is_wrong_is_one_line(spout: Spout, recording: Path) -> None:
    ended = spout("replay", recording, SPOUT_MEMPOOL_URL="ftp://node")

    assert ended.returncode == 2
    assert "SPOUT_MEMPOOL_URL must be an address" in one_line(ended.stderr)
