"""Tests stand where the code stands: each of their folders mirrors one of its own, or is a kind beside it."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
KINDS = {
    "anywhen",
    "backend",
    "bench",
    "browser",
    "flow",
    "fuzz",
    "hostile",
    "journey",
    "next",
    "node",
    "other_browsers",
    "packages",
    "simulation",
}
"""What is driven there is the whole program, or no code of the product; docs/architecture.md names them."""


def folders() -> list[Path]:
    """Of the tests, by their path below tests/."""
    found = {path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("*.py")}
    return sorted(path for path in found if path.parts and path.parts[0] not in KINDS)


def test_each_folder_of_tests_mirrors_one_of_the_code() -> None:
    strangers = [path for path in folders() if not ((ROOT / "app" / path).is_dir() or (ROOT / path).is_dir())]

    assert strangers == []


def test_each_kind_of_tests_is_named_in_the_architecture() -> None:
    reported = (ROOT / "docs" / "architecture.md").read_text("utf-8")

    assert [kind for kind in sorted(KINDS) if f"tests/{kind}" not in reported] == []
