"""The two files for those without an app store."""

import re
from typing import Any

import pytest
import yaml

from app.settings import read_settings
from tests.packaging.umbrel import ROOT

Yaml = dict[str, Any]
FILES = ("compose.yaml", "compose-alone.yaml")


@pytest.fixture(params=FILES)
def file(request: pytest.FixtureRequest) -> Yaml:
    found: Yaml = yaml.safe_load((ROOT / "packaging" / request.param).read_text("utf-8"))
    return found


def test_every_log_is_bounded(file: Yaml) -> None:
    options = [service.get("logging", {}).get("options", {}) for service in file["services"].values()]

    assert [one for one in options if not {"max-size", "max-file"} <= set(one)] == []


def test_spout_runs_as_nobody_with_nothing_to_write_but_its_data(file: Yaml) -> None:
    spout = file["services"]["spout"]

    assert (spout["user"], spout["read_only"], spout["init"]) == ("1000:1000", True, True)
    assert spout["cap_drop"] == ["ALL"]
    assert [one for one in spout["volumes"] if not one.endswith(":ro")] == ["spout:/data"]


def test_spout_s_own_limit_is_below_the_container_s(file: Yaml) -> None:
    spout = file["services"]["spout"]

    assert int(spout["environment"]["SPOUT_MEMORY_LIMIT_MB"]) < int(spout["mem_limit"].removesuffix("m"))


def test_spout_takes_its_settings_and_needs_a_password(file: Yaml) -> None:
    given: dict[str, str] = file["services"]["spout"]["environment"]
    assert given["SPOUT_PASSWORD"].startswith("${SPOUT_PASSWORD:?")
    environ = {name: re.sub(r"\$\{\w+:[-?](.*)\}", r"\1", value) for name, value in given.items()}

    settings = read_settings({"SPOUT_HOST": "0.0.0.0", "SPOUT_DATA_DIR": "/data", **environ})

    assert settings.password is not None
    assert settings.source_configured


def test_the_image_is_the_one_that_make_image_builds(file: Yaml) -> None:
    version = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert version

    assert file["services"]["spout"]["image"] == f"localhost/spout:{version[1]}"


def test_every_volume_and_network_that_is_used_is_declared(file: Yaml) -> None:
    used = {one.split(":")[0] for service in file["services"].values() for one in service.get("volumes", [])}
    joined = {one for service in file["services"].values() for one in service.get("networks", [])}

    assert used == set(file["volumes"])
    assert joined == set(file.get("networks", {}))


def test_nothing_is_published_beyond_this_machine(file: Yaml) -> None:
    ports = [port for service in file["services"].values() for port in service.get("ports", [])]

    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
