"""`write_digest.py NAME:TAG@sha256:…` writes the released image where the packages name it."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGE = re.compile(r"[a-z0-9.:/_-]+/[a-z0-9._-]+:[\w.-]+@sha256:[0-9a-f]{64}")
NOTE = re.compile(r"^ *(?:#|//) NOT RELEASED YET:.*\n", re.MULTILINE)
NAMED = {
    "docker-compose.yml": re.compile(r"(?<=    image: )\S+"),
    "packaging/startos/startos/manifest/index.ts": re.compile(r"(?<=const IMAGE = ')[^']+"),
}
"""Where an image is named, and by what pattern."""


def main(image: str) -> int:
    if not IMAGE.fullmatch(image):
        print(f"{image} is not registry/name:tag@sha256:digest", file=sys.stderr)
        return 2
    for name in NAMED:
        path = ROOT / name
        path.write_text(written(name, path.read_text("utf-8"), image), encoding="utf-8")
    return 0


def written(name: str, text: str, image: str) -> str:
    """Return a file's text with this image, and without the note that nothing is released."""
    return NOTE.sub("", NAMED[name].sub(image, text))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
