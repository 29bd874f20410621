"""Everything a browser loads, from this folder: nothing comes from another host."""

import hashlib
from functools import cache
from pathlib import Path

from tornado.web import StaticFileHandler

ROOM = Path(__file__).parent
STATIC = ROOM / "static"
TEMPLATES = ROOM / "templates"


def fingerprint() -> str:
    """Names the assets' content: a browser may keep them for ever, and an open page sees an upgrade."""
    digest = hashlib.sha256()
    for file in sorted(STATIC.rglob("*")):
        if file.is_file():
            digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:12]


@cache
def text(name: str) -> str:
    """One of our own files, written into the page: the first paint waits for no second request."""
    return (STATIC / name).read_text(encoding="utf-8")


class LastingFileHandler(StaticFileHandler):
    """Its address holds the fingerprint, so what it names never changes."""

    def set_extra_headers(self, path: str) -> None:  # noqa: ARG002
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")
