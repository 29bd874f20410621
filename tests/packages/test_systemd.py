"""The unit of systemd after the install script has run, below a folder of the test's own."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journey.spout import ROOT

SCRIPT = ROOT / "packaging/systemd/install.sh"
UNITS = Path("/usr/lib/systemd/system")
EXPOSURE = 2.5

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("prefix")
    install(folder)
    yield folder
    shutil.rmtree(folder)


def install(prefix: Path, *options: str) -> str:
    command = ["sh", SCRIPT, "--prefix", prefix, *options]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=390, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return ran.stdout


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_it_exposes_little() -> None:
    ran = analyze("security", "--offline=true", ROOT / "packaging/systemd/spout.service")
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", ran.stdout)

    assert found, ran.stderr
    assert float(found[1]) < EXPOSURE


def test_the_installed_program_runs_without_the_source(prefix: Path) -> None:
    command = [prefix / "opt/spout/bin/python", "-m", "app", "version"]
    ran = subprocess.run(command, cwd=prefix, capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == 0, ran.stderr
    assert re.fullmatch(r"(spout )?\d+\.\d+\.\d+", ran.stdout.strip())


def test_settings_are_root_s_alone_and_outlast_an_uninstall(tmp_path: Path) -> None:
    settings = tmp_path / "etc/spout/spout.env"
    settings.parent.mkdir(parents=True)
    settings.write_text("SPOUT_MEMPOOL_URL=http://box:3006\n", encoding="utf-8")
    unit = tmp_path / "etc/systemd/system/spout.service"
    unit.parent.mkdir(parents=True)
    unit.touch()
    (tmp_path / "opt/spout/bin").mkdir(parents=True)

    words = install(tmp_path, "--uninstall")

    assert "box:3006" in settings.read_text("utf-8")
    assert not unit.exists()
    assert not (tmp_path / "opt/spout").exists()
    assert str(settings.parent) in words
    install(tmp_path, "--purge")
    assert not settings.exists()


def test_an_installation_keeps_the_settings_that_are_there(prefix: Path) -> None:
    shipped = (ROOT / "packaging/systemd/spout.env").read_text("utf-8")
    installed = prefix / "etc/spout/spout.env"

    assert installed.read_text("utf-8") == shipped
    assert installed.stat().st_mode & 0o777 == 0o600


def test_the_shipped_settings_are_ones_that_spout_takes() -> None:
    """Each line, also those that are commented out, but for the empty password."""
    names = re.findall(
        r"^#?(SPOUT_\w+)=", (ROOT / "packaging/systemd/spout.env").read_text("utf-8"), re.MULTILINE
    )
    listed = (ROOT / "docs/settings.md").read_text("utf-8")

    assert [name for name in names if f"`{name}`" not in listed] == []


def test_the_installed_unit_is_valid(prefix: Path) -> None:
    """With the machine's own units beside it, and its interpreter in place of the link to it."""
    beside = prefix / UNITS.relative_to("/")
    shutil.copytree(UNITS, beside, symlinks=True, dirs_exist_ok=True)
    program = prefix / "opt/spout/bin/python"
    interpreter = program.resolve()
    program.unlink()
    shutil.copy(interpreter, program)

    ran = analyze("verify", f"--root={prefix}", "spout.service")

    assert [line for line in ran.stderr.splitlines() if "spout.service" in line] == []
