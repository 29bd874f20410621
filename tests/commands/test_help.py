import subprocess
import sys
from importlib.metadata import version

import pytest

from app.commands import commands
from tests.commands.conftest import Spout

NAMES = ["run", "replay", "record", "doctor", "endpoints", "keys", "labels"]
NAMES += ["password", "settings", "version", "backup", "restore", "export", "watch", "story"]


def test_every_command_of_the_contract_is_there() -> None:
    groups = [group.name for group in commands.registered_groups]

    assert sorted([*(one.name for one in commands.registered_commands), *groups]) == sorted(NAMES)


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_the_help_names_every_command(spout: Spout, arguments: list[str]) -> None:
    ended = spout(*arguments)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert [name for name in NAMES if f" {name} " not in ended.stdout] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_help_without_doing_anything(spout: Spout, name: str) -> None:
    ended = spout(name, "--help")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert f"Usage: spout {name}" in ended.stdout


def test_the_help_of_run_names_the_settings_to_know(spout: Spout) -> None:
    assert "SPOUT_MEMPOOL_URL" in spout("run", "--help").stdout


def test_version_is_the_packages(spout: Spout) -> None:
    assert spout("version").stdout == f"{version('spout')}\n"


def test_the_way_to_run_imports_no_command() -> None:
    """`spout run` opens its port at once; typer and rich would come first."""
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, app.__main__, app.appliance, app.settings.model; print(*sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    assert not {"typer", "rich", "app.commands", "duckdb", "panel"} & set(found.stdout.split())
