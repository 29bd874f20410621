"""The StartOS package: its types and the SDK's own lint; and what neither of them looks at."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.journey.spout import ROOT

FOLDER = ROOT / "packaging" / "startos"
ICON_BYTES = 40 * 1024
MOST_SHORT, MOST_LONG = 80, 500

pytestmark = pytest.mark.timeout(200)


def npm(script: str, folder: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    command = ["npm", "run", "--silent", script]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180, check=False)


@pytest.mark.parametrize("script", ["check", "lint"])
def test_the_types_and_the_sdk_s_lint_hold(script: str) -> None:
    ran = npm(script)

    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_version_range_that_cannot_be_read_is_found(tmp_path: Path) -> None:
    """The check can fail: StartOS's types know what a version range is."""
    copy = shutil.copytree(FOLDER, tmp_path / "startos", ignore=shutil.ignore_patterns("node_modules"))
    (copy / "node_modules").symlink_to(FOLDER / "node_modules")
    path = copy / "startos" / "dependencies.ts"
    path.write_text(path.read_text("utf-8").replace(">=3.3.1:21", "newest"), encoding="utf-8")

    assert npm("check", copy).returncode != 0


def test_its_words_are_as_short_as_the_registry_wants_them() -> None:
    text = (FOLDER / "startos/manifest/i18n.ts").read_text("utf-8")
    parts = {
        name: "".join(re.findall(r"'([^']*)'", body))
        for name, body in re.findall(r"const (\w+) = \{(.*?)\}", text, re.DOTALL)
    }

    assert len(parts["short"]) <= MOST_SHORT
    assert len(parts["long"]) <= MOST_LONG


def test_its_icon_is_the_drawing_and_small_enough() -> None:
    assert (FOLDER / "icon.svg").read_bytes() == (ROOT / "packaging/icon.svg").read_bytes()
    assert (FOLDER / "icon.svg").stat().st_size <= ICON_BYTES


def test_its_version_is_the_program_s() -> None:
    version = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    stated = re.search(r"version: '(.*):\d+'", (FOLDER / "startos/versions/current.ts").read_text("utf-8"))
    assert version
    assert stated
    assert stated[1] == version[1]
    assert json.loads((FOLDER / "package-lock.json").read_text("utf-8"))["name"] == "spout-startos"


def commands() -> list[str]:
    """Return each command of Spout's that an action or a hook calls: its words up to the first value."""
    found = set[str]()
    for path in FOLDER.glob("startos/**/*.ts"):
        for listed in re.findall(r"spout\(effects, \[([^\]]*)\]", path.read_text("utf-8")):
            words = [
                word for word in listed.split(", ") if word.startswith("'") and not word.startswith("'-")
            ]
            found.add(" ".join(word.strip("'") for word in words[:2] if re.fullmatch(r"'[a-z]+'", word)))
    return sorted(found)


@pytest.mark.parametrize("command", commands())
def test_what_its_actions_call_is_there(command: str) -> None:
    spout = [ROOT / ".venv/bin/spout", *command.split(), "--help"]
    ran = subprocess.run(spout, capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == 0, ran.stderr
