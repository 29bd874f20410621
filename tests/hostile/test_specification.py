"""The running program against its own OpenAPI document: schemathesis with an admin's key, all checks but one.

`positive_data_acceptance` is left out: what depends on two fields at once is no schema's matter. Each group
has a key of its own, because a key may do 600 calls a minute, and may revoke itself.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.api.openapi import paths
from tests.journey.spout import ROOT, SpoutProcess
from tests.journey.waiting import until

GROUPS = {
    "reads": r"^(/healthz|/metrics|/api/v1/(health|predictions|statistics|correlation|urgency-metrics)\b)",
    "documents": r"^/api/v1/(openapi\.json|docs|widgets|audit|tokens|settings|export|flows)\b",
    "endpoints": r"^/api/v1/(endpoints|deliveries|hosts)\b",
    "labels": r"^/api/v1/labels\b",
    "keys": r"^/api/v1/(keys|password|confirm|backups)\b",
}
SOAKS = bool(os.environ.get("SPOUT_SOAK"))
SOCKETS = {"/api/v1/stream", "/api/v1/live"}
EXAMPLES = "50" if SOAKS else "1"
"""Generated for each operation, beside the tool's own systematic cases."""
PHASES = "examples,coverage,fuzzing,stateful" if SOAKS else "examples,coverage,fuzzing"


@pytest.fixture(scope="module")
def spout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpoutProcess]:
    room = tmp_path_factory.mktemp("spout")
    running = SpoutProcess(room, SPOUT_SOURCE="demo", SPOUT_PASSWORD="open sesame")
    try:
        running.start(ready=False)
        until(lambda: running.get_or_none("/healthz", "pages") == "ready", "its pages are there", seconds=60)
        yield running
    finally:
        running.__exit__(None, None, None)


def a_key(spout: SpoutProcess, name: str) -> str:
    made = subprocess.run(
        [sys.executable, "-m", "app", "keys", "create", name, "--scope", "admin"],
        cwd=ROOT,
        env=spout.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"spout_[\w-]+", made.stdout)
    assert found is not None, made
    return found[0]


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
def test_it_keeps_to_its_own_specification(spout: SpoutProcess, tmp_path: Path, group: str) -> None:
    key = a_key(spout, f"walker-{group}")
    ran = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            f"http://127.0.0.1:{spout.port}/api/v1/openapi.json",
            *("--header", f"X-API-Key: {key}", "--header", f"Authorization: Bearer {key}"),
            *("--checks", "all", "--exclude-checks", "positive_data_acceptance"),
            *("--include-path-regex", GROUPS[group]),
            *(
                "--phases",
                PHASES,
                "--max-examples",
                EXAMPLES,
                "--seed",
                "17",
                "--no-shrink",
                "--continue-on-failure",
            ),
            *("--suppress-health-check", "all", "--warnings", "off"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout[-8_000:]
    counted = re.search(r"(\d+) generated", ran.stdout)
    assert counted is not None, ran.stdout[-2_000:]
    assert int(counted[1]) > 20
    assert "internal_error" not in spout.log.read_text(encoding="utf-8", errors="replace")


def test_every_path_is_of_one_group_but_the_sockets() -> None:
    groups = {path: [name for name, of in GROUPS.items() if re.search(of, path)] for path in paths()}

    assert {path for path, of in groups.items() if len(of) != 1} == SOCKETS
