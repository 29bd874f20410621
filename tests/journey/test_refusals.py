"""What must not start says so in one line that names the setting, with exit code 2."""

import socket
import subprocess
from pathlib import Path

import duckdb
import pytest

from tests.backend.process import BackendProcess
from tests.journey.spout import COMMAND, ROOT, SpoutProcess, ended, free_port

TRACES = ("Traceback", "Error:", 'File "')


def refused(settings: dict[str, str], *words: str) -> None:
    code, reported = ended(settings)

    assert code == 2, reported
    assert len(reported.strip().splitlines()) == 1, reported
    assert not any(trace in reported for trace in TRACES), reported
    for word in words:
        assert word in reported, reported


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SPOUT_PORT", "eighty"),
        ("SPOUT_PORT", "70000"),
        ("SPOUT_MEMPOOL_URL", "not a url"),
        ("SPOUT_MEMPOOL_URL", "ftp://127.0.0.1"),
        ("SPOUT_ELECTRS_URL", "http://127.0.0.1:50001"),
        ("SPOUT_WHALE_THRESHOLD_BTC", "-1"),
        ("SPOUT_WHALE_THRESHOLD_BTC", "NaN"),
        ("SPOUT_SOURCE", "satellite"),
        ("SPOUT_RETENTION_DAYS", "0"),
        ("SPOUT_LOG_FORMAT", "xml"),
        ("SPOUT_PASSWORD_FILE", "/nonexistent/password"),
    ],
)
def test_a_bad_setting_is_named(tmp_path: Path, name: str, value: str) -> None:
    refused({"SPOUT_DATA_DIR": str(tmp_path), name: value}, name)


def test_an_unknown_setting_is_named_with_the_one_that_was_meant(tmp_path: Path) -> None:
    refused(
        {"SPOUT_DATA_DIR": str(tmp_path), "SPOUT_MEMPOL_URL": "http://127.0.0.1:1"},
        "SPOUT_MEMPOL_URL",
        "SPOUT_MEMPOOL_URL",
    )


def test_a_door_that_is_open_to_everybody_is_refused(tmp_path: Path) -> None:
    refused({"SPOUT_DATA_DIR": str(tmp_path), "SPOUT_HOST": "0.0.0.0"}, "SPOUT_PASSWORD")


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        refused({"SPOUT_DATA_DIR": str(tmp_path), "SPOUT_PORT": port}, "SPOUT_PORT", port)


def test_a_data_directory_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no directory")

    refused({"SPOUT_DATA_DIR": str(tmp_path / "data"), "SPOUT_PORT": str(free_port())}, "data")


def test_a_second_spout_on_the_same_data_is_refused(own_spout: SpoutProcess) -> None:
    own_spout.start()

    refused(
        {**own_spout.environment, "SPOUT_PORT": str(free_port())},
        "another Spout already uses",
        "SPOUT_DATA_DIR",
    )
    assert own_spout.lives


def test_a_second_spout_on_the_same_data_gives_no_address(own_spout: SpoutProcess) -> None:
    own_spout.start()
    second = {**own_spout.environment, "SPOUT_PORT": str(free_port())}

    run = subprocess.run(COMMAND, cwd=ROOT, env=second, capture_output=True, timeout=20, check=False)

    assert (run.returncode, run.stdout) == (2, b"")


def test_a_database_of_a_newer_spout_is_left_untouched(
    own_backend: BackendProcess, own_spout: SpoutProcess
) -> None:
    assert own_backend.url
    own_spout.start()
    own_spout.stop()
    file = own_spout.data_dir / "spout.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    before = file.read_bytes()

    refused({**own_spout.environment}, "newer Spout")

    assert file.read_bytes() == before
