"""Everything a browser loads, under one address with a fingerprint; nothing comes from another host."""

import asyncio
import gzip
import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import bokeh
import panel as pn
from bokeh.settings import settings
from panel.io.resources import DIST_DIR
from tornado.web import HTTPError, RequestHandler

ROOM = Path(__file__).parent
STATIC = ROOM / "static"
COMPONENTS = ROOM / "components"
TEMPLATES = ROOM / "templates"
_BOKEH = settings.bokehjs_path() / "js"
LIBRARIES = {
    "bokeh.min.js": _BOKEH / "bokeh.min.js",
    "bokeh-widgets.min.js": _BOKEH / "bokeh-widgets.min.js",
    "bokeh-tables.min.js": _BOKEH / "bokeh-tables.min.js",
    "panel.min.js": DIST_DIR / "panel.min.js",
}
"""In the order in which they are loaded; Panel's bundle asks for Bokeh's widgets and tables, used or not."""
_IMPORT = re.compile(r"""^(?:import|export)\b[^;"']*["'](\.[^"']+\.js)["'];""", re.MULTILINE)
FOR_EVER = "public, max-age=31536000, immutable"
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json; charset=utf-8",
}
_COUNTED = {".py", ".html", *_TYPES}


@cache
def fingerprint() -> str:
    """Names what the pages are made of: a browser may keep them for ever, an open page sees an upgrade."""
    digest = hashlib.sha256(f"{bokeh.__version__} {pn.__version__}".encode())
    for file in sorted(ROOM.rglob("*")):
        if file.suffix in _COUNTED and file.is_file():
            digest.update(file.relative_to(ROOM).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def address(name: str) -> str:
    """Where a browser finds `static/x.js`, `components/x.js` or `lib/bokeh.min.js`, beside any page."""
    return f"ui/{fingerprint()}/{name}"


def library_addresses() -> list[str]:
    return [address(f"lib/{name}") for name in LIBRARIES]


@cache
def text(name: str) -> str:
    """One of our own files, written into the page: the first paint waits for no second request."""
    return (STATIC / name).read_text(encoding="utf-8")


@cache
def modules_behind(names: tuple[str, ...]) -> list[str]:
    """These modules and all that they import, so that a page names them and a browser need not find out."""
    found: dict[str, None] = {}
    todo = list(reversed(names))
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found[name] = None
        file = ROOM / name
        imported = _IMPORT.findall(file.read_text(encoding="utf-8"))
        others = [(file.parent / one).resolve().relative_to(ROOM.resolve()).as_posix() for one in imported]
        todo += reversed(others)  # each with what it imports: what comes first can run first
    return list(found)


_packed: dict[str, tuple[bytes, bytes]] = {}
"""Plain and compressed, for all requests, by an address that names the content."""


def pack(names: Iterable[str]) -> None:
    """Compress these of our own files before they are asked for; for a thread."""
    for name in names:
        key = f"{fingerprint()}/{name}"
        if key not in _packed and (file := _file(name)) is not None:
            _packed[key] = _pack(file)


class AssetHandler(RequestHandler):
    """One file that never changes: compressed once, kept in memory, answered from there."""

    def initialize(self, documents: Mapping[str, bytes]) -> None:
        """`documents`: the frozen pages' documents, by `documents/<hash>.json`."""
        self._documents = documents

    def compute_etag(self) -> None:
        """None: its address says what is in it."""

    async def get(self, name: str) -> None:
        plain = self._documents.get(name)
        file = None if plain is not None else _file(name)
        if plain is None and file is None:
            raise HTTPError(404)
        key = f"{fingerprint()}/{name}"
        if key not in _packed:
            loop = asyncio.get_running_loop()
            _packed[key] = await loop.run_in_executor(None, _pack, file if plain is None else plain)
        body, small = _packed[key]
        packs = "gzip" in self.request.headers.get("Accept-Encoding", "")
        if packs:
            self.set_header("Content-Encoding", "gzip")
        self.set_header("Content-Type", _TYPES[Path(name).suffix])
        self.set_header("Cache-Control", FOR_EVER)
        self.finish(small if packs else body)


def _file(name: str) -> Path | None:
    """The file of this name; None if it is none of ours."""
    folder, _, rest = name.partition("/")
    if folder == "lib":
        return LIBRARIES.get(rest)
    file = {"static": STATIC, "components": COMPONENTS}.get(folder, STATIC) / rest
    shown = folder in {"static", "components"} and "/" not in rest and file.suffix in _TYPES
    return file if shown and file.is_file() else None


def _pack(source: Path | bytes | None) -> tuple[bytes, bytes]:
    """A tenth of a second for Bokeh's script: off the loop."""
    body = source.read_bytes() if isinstance(source, Path) else source or b""
    return body, gzip.compress(body, mtime=0)
