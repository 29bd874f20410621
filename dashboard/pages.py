"""All pages, ready to be mounted: applications for Bokeh's server, plain handlers, and their feed."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bokeh.document import Document
from jinja2 import Environment, FileSystemLoader, Template
from panel.io.application import Application
from panel.io.handlers import FunctionHandler
from tornado.httputil import HTTPServerRequest
from tornado.web import StaticFileHandler

from app.core.classification import Party
from app.core.units import SATS_PER_BTC
from app.views import History, Live
from dashboard import theme
from dashboard.feed import Feed, LiveSocket
from dashboard.format import FLOW_MARKS, FLOW_WORDS, MOVED_WORDS
from dashboard.live import LivePainter
from dashboard.whale import WhaleStory

ROOM = Path(__file__).parent
NAVIGATION = (("/", "Live"),)
"""Pages that stand; a page joins when its capability does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOptions:
    """What the pages need from the settings and from the server's door.

    `explorer_url`: the operator's own explorer, None for no links. `may_enter`: the pages' login, asked
    for the feed's handshake. `label_of`: the party behind an output script, None if it has no label.
    """

    version: str
    explorer_url: str | None = None
    threshold_sat: int = 100 * SATS_PER_BTC
    may_enter: Callable[[HTTPServerRequest], bool] = lambda _: True
    label_of: Callable[[str], Party | None] = lambda _: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """`applications` for BokehTornado, `handlers` as its `extra_patterns`; `open` on the serving loop."""

    applications: dict[str, Application]
    handlers: list[tuple[Any, ...]]
    feed: Feed

    def open(self) -> None:
        self.feed.open()

    def close(self) -> None:
        self.feed.close()


def build(live: Live, history: History, options: PageOptions) -> Pages:
    story = WhaleStory(live, history, options.label_of)
    assets = _fingerprint()
    feed = Feed(live, {"live": LivePainter(assets)}, story.tell)
    environment = Environment(loader=FileSystemLoader(ROOM / "templates"), autoescape=True)
    show = {
        "/": partial(_fill, template=environment.get_template("live.html"), page="live", title="Live"),
    }
    common = {
        "assets": f"ui/{assets}",
        "navigation": NAVIGATION,
        "theme_css": theme.css(),
        "words": _words(options, assets),
        "demo": lambda: live.snapshot.demo,
    }
    return Pages(
        applications={
            path: Application(FunctionHandler(partial(fill, variables=common)))  # type: ignore[no-untyped-call]
            for path, fill in show.items()
        },
        handlers=[
            (rf"/ui/{assets}/(.*)", _Lasting, {"path": str(ROOM / "static")}),
            (r"/api/v1/live", LiveSocket, {"feed": feed, "may_enter": options.may_enter}),
        ],
        feed=feed,
    )


def _fill(
    document: Document, *, template: Template, page: str, title: str, variables: dict[str, Any]
) -> None:
    document.title = f"{title} · Spout"
    document.template = template
    document.template_variables.update(variables | {"page": page})


def _words(options: PageOptions, assets: str) -> str:
    """What the modules must know, as JSON that is safe inside a script element."""
    explorer = options.explorer_url
    body = {
        "assets": assets,
        "version": options.version,
        "threshold": options.threshold_sat,
        "explorer": explorer.rstrip("/")
        if explorer and explorer.startswith(("http://", "https://"))
        else None,
        "flows": {flow.value: [FLOW_MARKS[flow], words] for flow, words in FLOW_WORDS.items()},
        "moved": {sort.value: words for sort, words in MOVED_WORDS.items()},
    }
    return json.dumps(body, ensure_ascii=False).replace("<", "\\u003c")


def _fingerprint() -> str:
    """Names the assets' content: a browser may keep them for ever, and an open page sees an upgrade."""
    digest = hashlib.sha256()
    for file in sorted((ROOM / "static").rglob("*")):
        if file.is_file():
            digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:12]


class _Lasting(StaticFileHandler):
    def set_extra_headers(self, path: str) -> None:  # noqa: ARG002
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")
