"""Both Umbrel packages keep every rule of the store, and the rules find what is broken."""

import copy
import re
from pathlib import Path

import pytest
import yaml

from app.settings import read_settings
from tests.packaging.broken import BROKEN, COMPOSE, MANIFEST, SAME
from tests.packaging.package_rules import store_findings
from tests.packaging.umbrel import ROOT, lay_out, linted, load

UNRELEASED = "spout.example/spout:"
"""The image's name until packaging/release.sh has written the digest of one that was pushed."""


@pytest.fixture(params=["community", "official"])
def layout(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def package(layout: str, tmp_path: Path) -> Path:
    return laid_out(layout, tmp_path)


def laid_out(layout: str, store: Path) -> Path:
    script = lay_out()
    folder = store / script.APP_IDS[layout]
    script.lay_out(layout, folder)
    return folder


def test_the_package_keeps_every_rule(package: Path, layout: str) -> None:
    found = linted(package, layout)
    exempt = {"image.pinned"} if UNRELEASED in (package / COMPOSE).read_text("utf-8") else set()

    assert [one for one in found if one.rule not in exempt] == []


def test_an_image_without_a_digest_says_so_in_the_file() -> None:
    text = (ROOT / COMPOSE).read_text("utf-8")

    assert re.search(r"@sha256:[0-9a-f]{64}", text) or "NOT RELEASED YET" in text


def test_the_package_differs_from_its_source_in_what_the_list_names_and_in_nothing_else(
    package: Path, layout: str
) -> None:
    allowed = {
        "community": ("id:", "APP_HOST:", "SPOUT_TRUSTED_PROXIES:"),
        "official": (
            "gallery:",
            "- https://spout.example/gallery/",
            "icon:",
            "releaseNotes:",
            "First release:",
        ),
    }
    for name in (MANIFEST, COMPOSE):
        source, copied = ((folder / name).read_text("utf-8").splitlines() for folder in (ROOT, package))
        changed = set(source).symmetric_difference(copied)
        strangers = [line for line in changed if not line.strip().startswith(allowed[layout])]
        assert strangers == []


def test_a_release_leaves_no_rule_exempt_and_no_note(tmp_path: Path) -> None:
    script = load("write_digest")
    folder = laid_out("official", tmp_path)
    image = f"{SAME}@sha256:{'a' * 64}"

    for name in script.NAMED:
        text = script.written(name, (ROOT / name).read_text("utf-8"), image)
        assert image in text
        assert "NOT RELEASED" not in text
    released = script.written(COMPOSE, (folder / COMPOSE).read_text("utf-8"), image)
    (folder / COMPOSE).write_text(released, encoding="utf-8")

    assert linted(folder, "official") == []


def test_a_community_store_shows_the_app(tmp_path: Path) -> None:
    script = lay_out()
    laid_out("community", tmp_path)
    store = f'id: "{script.STORE_ID}"\nname: "{script.STORE_NAME}"\n'
    (tmp_path / "umbrel-app-store.yml").write_text(store, encoding="utf-8")

    assert list(store_findings(tmp_path)) == []


def test_the_settings_in_the_file_are_ones_that_spout_takes(package: Path) -> None:
    """With Umbrel's variables in place, as umbrelOS puts them there."""
    service = yaml.safe_load((package / COMPOSE).read_text("utf-8"))["services"]["web"]
    variables = {"APP_SEED": "0" * 64, "APP_MEMPOOL_PORT": "3006", "APP_BITCOIN_RPC_PORT": "8332"}
    environ = {
        name: re.sub(
            r"\$\{(\w+)(?::-(\w*))?\}", lambda found: variables.get(found[1]) or found[2] or "50001", value
        )
        for name, value in service["environment"].items()
    }

    settings = read_settings({"SPOUT_HOST": "0.0.0.0", "SPOUT_DATA_DIR": "/data", **environ})

    assert settings.trust_proxy_auth
    assert settings.port == 8411


# --- what is broken is found -----------------------------------------------------------------------


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_found_and_named(name: str, tmp_path: Path) -> None:
    broken = BROKEN[name]
    folder = laid_out(broken.layout, tmp_path)
    released = re.sub(r"image: .*", f"image: {SAME}@sha256:{'a' * 64}", (folder / COMPOSE).read_text("utf-8"))
    (folder / COMPOSE).write_text(released, encoding="utf-8")
    assert linted(folder, broken.layout) == []
    for file_name, alter in ((MANIFEST, broken.in_manifest), (COMPOSE, broken.in_compose)):
        path = folder / file_name
        whole = yaml.safe_load(path.read_text("utf-8"))
        changed = copy.deepcopy(whole)
        alter(changed)
        if changed != whole:
            path.write_text(yaml.safe_dump(changed), encoding="utf-8")
    broken.in_folder(folder)

    assert broken.rule in {one.rule for one in linted(folder, broken.layout)}


def test_each_rule_has_something_that_breaks_it() -> None:
    sources = [path.read_text("utf-8") for path in (ROOT / "tests/packaging").glob("*_rules.py")]
    rules = {rule for source in sources for rule in re.findall(r'"((?:[a-z]+)\.(?:[a-z_]+))"', source)}

    files = {"docker.sock", "exports.sh"}
    assert sorted(rules - {broken.rule for broken in BROKEN.values()} - files) == [
        "store.missing",
        "store.prefix",
    ]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (None, "store.missing"),
        ('id: ""\nname: a\n', "store.id"),
        ("id: a\n", "store.name"),
        ("id: a\nname: a\n", "store.prefix"),
    ],
)
def test_a_store_that_would_show_nothing_is_found(tmp_path: Path, text: str | None, rule: str) -> None:
    laid_out("community", tmp_path)
    if text is not None:
        (tmp_path / "umbrel-app-store.yml").write_text(text, encoding="utf-8")

    assert rule in {one.rule for one in store_findings(tmp_path)}
