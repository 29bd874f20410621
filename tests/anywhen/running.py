"""Runs pytest as a case asks: with the moved clock, the locale, the zone, the order and the workers."""

import os
import secrets
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.anywhen.cases import Case

_HERE = Path(__file__).parent
_ROOT = _HERE.parent.parent
_PARTS = _ROOT / ".parts"
_ENCODING = "ISO-8859-1"
FAST = "not node and not browser and not slow and not timed"
"""The part that is run: seconds a test, nothing of another program's, and no bound on a duration: `make test`
runs those alone, and no zone, language or order makes anything slower."""


class CannotRunError(Exception):
    """The machine lacks what the case needs; the message says what."""


def run(case: Case) -> int:
    """Run the case; returns pytest's exit status.

    Raises:
        CannotRunError: if the machine lacks a compiler, the zone or the locale's source.
    """
    environment = os.environ | _surroundings(case)
    command = [sys.executable, "-m", "pytest", "-q", "-m", FAST, "--durations", "0", "--durations-min", "20"]
    if case.workers > 1:
        command += ["--numprocesses", str(case.workers), "--dist", "loadfile"]
    if case.random_order:
        seed = os.environ.get("SEED") or str(secrets.randbelow(2**32))
        command += ["-p", "randomly", f"--randomly-seed={seed}"]
        print(f"the order can be had again: make test-anywhen CASE={case.name} SEED={seed}", flush=True)
    print(f"test-anywhen {case.name}", flush=True)
    return subprocess.run(command, cwd=_ROOT, env=environment, check=False).returncode


def _surroundings(case: Case) -> dict[str, str]:
    changed: dict[str, str] = {}
    if shift := round(case.shift(datetime.now(UTC)).total_seconds()):
        changed |= {"LD_PRELOAD": str(_clock()), "WALL_CLOCK_SHIFT": str(shift)}
    if case.zone is not None:
        if not Path("/usr/share/zoneinfo", case.zone).exists():
            raise CannotRunError(f"{case.name} needs the zone {case.zone}: apt-get install tzdata")
        changed["TZ"] = case.zone
    if case.locale is not None:
        changed |= {"LC_ALL": case.locale, "LANGUAGE": ""}
        if case.locale != "C":
            changed["LOCPATH"] = str(_locales(case))
    return changed


def _clock() -> Path:
    """The compiled clock.c."""
    source, library = _HERE / "clock.c", _PARTS / "clock.so"
    if library.exists() and library.stat().st_mtime >= source.stat().st_mtime:
        return library
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        raise CannotRunError(
            "moving the clock needs a C compiler: apt-get install gcc libc6-dev, or name one in CC"
        )
    _PARTS.mkdir(exist_ok=True)
    subprocess.run([compiler, "-O2", "-Wall", "-shared", "-fPIC", "-o", library, source], check=True)
    return library


def _locales(case: Case) -> Path:
    """A folder with the case's locale, made from the C library's sources: the machine need not have it."""
    folder = _PARTS / "locale"
    if (folder / str(case.locale)).exists():
        return folder
    if shutil.which("localedef") is None or not Path("/usr/share/i18n/locales", str(case.locale)).exists():
        raise CannotRunError(f"{case.name} needs localedef and the locales' sources: apt-get install locales")
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        "localedef",
        "--inputfile",
        str(case.locale),
        "--charmap",
        _ENCODING,
        str(folder / str(case.locale)),
    ]
    subprocess.run(command, check=True)
    return folder
