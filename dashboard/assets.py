"""Everything a browser loads, from this folder: nothing comes from another host."""

import asyncio
import gzip
import hashlib
from functools import cache
from pathlib import Path

import bokeh
from bokeh.settings import settings
from tornado.web import RequestHandler, StaticFileHandler

ROOM = Path(__file__).parent
STATIC = ROOM / "static"
TEMPLATES = ROOM / "templates"
BOKEH_JS = settings.bokehjs_path() / "js" / "bokeh.min.js"
"""All of Bokeh that the charts need: no widgets, no WebGL, nothing of Panel's."""
FOR_EVER = "public, max-age=31536000, immutable"
APART = {"light.js", "live.js", "system.js"}
"""No module of every page: `light.js` is written into the page, the others are the pages' own."""


def fingerprint() -> str:
    """Names the assets' content: a browser may keep them for ever, and an open page sees an upgrade."""
    digest = hashlib.sha256(bokeh.__version__.encode())
    for file in sorted(STATIC.rglob("*")):
        if file.is_file():
            digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def module_names() -> list[str]:
    """Our own modules: a page names them all, so that a browser need not find out one by one."""
    return sorted(file.name for file in STATIC.glob("*.js") if file.name not in APART)


@cache
def packed(file: Path) -> bytes:
    """Gzipped once, a tenth of a second for Bokeh's script: call it off the loop."""
    return gzip.compress(file.read_bytes(), mtime=0)


@cache
def text(name: str) -> str:
    """One of our own files, written into the page: the first paint waits for no second request."""
    return (STATIC / name).read_text(encoding="utf-8")


class LastingFileHandler(StaticFileHandler):
    """Its address holds the fingerprint, so what it names never changes."""

    def set_extra_headers(self, path: str) -> None:  # noqa: ARG002 - Tornado calls it so
        self.set_header("Cache-Control", FOR_EVER)


class PackedFileHandler(RequestHandler):
    """One large script that never changes, compressed once and not for each browser anew."""

    def initialize(self, file: Path) -> None:
        self._file = file

    async def get(self) -> None:
        packs = "gzip" in self.request.headers.get("Accept-Encoding", "")
        loop = asyncio.get_running_loop()
        body = await loop.run_in_executor(None, packed if packs else Path.read_bytes, self._file)
        if packs:
            self.set_header("Content-Encoding", "gzip")
        self.set_header("Vary", "Accept-Encoding")
        self.set_header("Content-Type", "text/javascript; charset=utf-8")
        self.set_header("Cache-Control", FOR_EVER)
        self.finish(body)
