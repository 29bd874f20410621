"""`make package`: lays both Umbrel packages out from umbrel-app.yml and docker-compose.yml at the top level.

    dist/umbrel/community/   a store of one's own: umbrel-app-store.yml and the app's folder
    dist/umbrel/official/    the folder of a submission to Umbrel's own store

Both are copies of the source, line by line, but for `CHANGES`; nothing else may differ. What was laid out
before is replaced. Needs nothing beyond Python's standard library.
"""

import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MANIFEST, COMPOSE = "umbrel-app.yml", "docker-compose.yml"
STORE_ID, STORE_NAME = "spout-store", "Spout"
APP_IDS = {"community": f"{STORE_ID}-spout", "official": "spout"}
"""umbrelOS shows of a community store only apps whose id begins with the store's."""

Changes = Mapping[str, tuple[tuple[str, str], ...]]
CHANGES: Mapping[str, Changes] = {
    "community": {
        MANIFEST: ((r"^id: spout$", f"id: {APP_IDS['community']}"),),
        COMPOSE: (
            (r"\bspout_web_1\b", f"{APP_IDS['community']}_web_1"),
            (r"\bspout_app_proxy_1\b", f"{APP_IDS['community']}_app_proxy_1"),
        ),
    },
    # Umbrel's own store hosts the icon and makes the gallery; a new app comes without release notes.
    "official": {
        MANIFEST: (
            (r"^gallery:\n(?:  - .*\n)+", "gallery: []\n"),
            (r"^icon: .*\n", ""),
            (r"^releaseNotes: >-\n(?:  .*\n)+", 'releaseNotes: ""\n'),
        ),
        COMPOSE: (),
    },
}
"""What differs from the source, and nothing besides: a pattern that must be found, and its replacement."""


def main() -> int:
    target = ROOT / "dist" / "umbrel"
    shutil.rmtree(target, ignore_errors=True)
    for layout, app_id in APP_IDS.items():
        lay_out(layout, target / layout / app_id)
    store = f'id: "{STORE_ID}"\nname: "{STORE_NAME}"\n'
    (target / "community" / "umbrel-app-store.yml").write_text(store, encoding="utf-8")
    for path in sorted(target.rglob("*")):
        if path.is_file():
            print(path.relative_to(ROOT))
    if "@sha256:" not in (ROOT / COMPOSE).read_text("utf-8"):
        print("NOT RELEASED: the image has no digest yet; packaging/release.sh writes it", file=sys.stderr)
    return 0


def lay_out(layout: str, folder: Path) -> None:
    """Write the app's folder of one layout; its data folder too, as an update of umbrelOS never makes one."""
    (folder / "data").mkdir(parents=True)
    (folder / "data" / ".gitkeep").touch()
    for name, changes in CHANGES[layout].items():
        text = changed((ROOT / name).read_text("utf-8"), changes)
        (folder / name).write_text(text, encoding="utf-8")


def changed(text: str, changes: tuple[tuple[str, str], ...]) -> str:
    """Return the text with every change made.

    Raises:
        ValueError: if the source has nothing that a change is for: the list is out of date.
    """
    for pattern, replacement in changes:
        text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
        if not count:
            raise ValueError(f"nothing in the source matches {pattern}")
    return text


if __name__ == "__main__":
    sys.exit(main())
