"""All pages, ready to be mounted: applications for Bokeh's server, plain handlers, and their feed."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bokeh.document import Document
from bokeh.plotting import figure
from bokeh.settings import settings
from jinja2 import Environment, FileSystemLoader, Template
from panel.io.application import Application
from panel.io.handlers import FunctionHandler
from tornado.websocket import WebSocketHandler

from app.core.classification import Party
from app.core.units import SATS_PER_BTC
from app.views import History, Live
from dashboard import figures, theme
from dashboard.assets import (
    BOKEH_JS,
    STATIC,
    TEMPLATES,
    LastingFileHandler,
    PackedFileHandler,
    fingerprint,
    module_names,
)
from dashboard.assets import text as assets_text
from dashboard.feed import Feed, SameHostSocket, behind
from dashboard.format import FLOW_MARKS, FLOW_WORDS, MOVED_WORDS
from dashboard.live import LivePainter
from dashboard.log_tail import LogTail
from dashboard.past import PastFlows
from dashboard.samples import SightBetween, SystemMemory, nothing_kept
from dashboard.system import SystemPainter
from dashboard.whale import WhaleStory


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOptions:
    """What the pages need from the settings and from the server's door.

    `explorer_url`: the operator's own explorer, None for no links. `door`: the handler whose login and
    Origin check guard the feed. `label_of`: the party behind an output script, None if it has no label.
    `log`: the handler that hangs on the root logger, None to show no log. `sight_between`: what the store
    kept of how much could be seen.
    """

    version: str
    explorer_url: str | None = None
    threshold_sat: int = 100 * SATS_PER_BTC
    door: type[WebSocketHandler] = SameHostSocket
    label_of: Callable[[str], Party | None] = lambda _: None
    sight_between: SightBetween = nothing_kept
    log: LogTail | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page that stands; it is in the navigation in this order. Charts are made anew a session."""

    path: str
    name: str
    template: str
    charts: Sequence[Callable[[], figure]] = ()


PAGES = (
    Page(
        path="/",
        name="Live",
        template="live.html",
        charts=(
            figures.queue_figure,
            figures.flow_figure,
            figures.other_figure,
            figures.bubble_figure,
        ),
    ),
    Page(
        path="/system",
        name="System",
        template="system.html",
        charts=(
            partial(figures.line_figure, "rss"),
            partial(figures.line_figure, "rate"),
            partial(figures.line_figure, "lag"),
        ),
    ),
)


class PageApplication(Application):
    """The page as text, at once; and the charts' Document, when the page asks for it over its socket."""

    def __init__(self, page: Page, template: Template, variables: Mapping[str, Any]) -> None:
        super().__init__(FunctionHandler(self._fill))  # type: ignore[no-untyped-call]
        self._charts = page.charts
        self._template = template
        self._variables = {**variables, "page": page, "title": f"{page.name} · Spout"}
        self._library = variables["library"]
        self._names = [chart().id for chart in page.charts]

    def html(self, token: str) -> str:
        """The page; `token` opens the session of its charts, for some minutes."""
        session = {"token": token, "library": self._library, "roots": self._names}
        return self._template.render(self._variables, session=json.dumps(session, separators=(",", ":")))

    def _fill(self, document: Document) -> None:
        with document.models.freeze():
            for chart in self._charts:
                document.add_root(chart())


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """`applications` for BokehTornado, `handlers` beside them; `open` on the serving loop."""

    applications: dict[str, "PageApplication"]
    handlers: list[tuple[Any, ...]]
    feed: Feed
    _past: PastFlows = field(repr=False)
    memory: SystemMemory = field(repr=False)

    def open(self) -> None:
        self.memory.open()
        self.feed.open()

    def close(self) -> None:
        self.feed.close()
        self._past.close()
        self.memory.close()


def build(live: Live, history: History, options: PageOptions) -> Pages:
    """Needs no loop and opens nothing; everything begins with `open`."""
    # The charts are the same in every session: a test validates them, not each visitor anew.
    settings.perform_document_validation.set_value(False)
    assets = fingerprint()
    past = PastFlows(history, lambda: feed.changed())  # noqa: PLW0108 - made below
    memory = SystemMemory(live, options.sight_between)
    story = WhaleStory(live, history, options.label_of)
    feed = Feed(
        live,
        {"live": LivePainter(assets, past), "system": SystemPainter(assets, memory, options.log)},
        story.tell,
    )
    variables = {
        "assets": f"ui/{assets}",
        "library": f"ui/{assets}/{BOKEH_JS.name}",
        "modules": module_names(),
        "navigation": PAGES,
        "theme_css": theme.css(),
        "words": _words(options, assets),
        "asset": assets_text,
        "demo": lambda: live.snapshot.demo,
    }
    templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    return Pages(
        applications={
            page.path: PageApplication(page, templates.get_template(page.template), variables)
            for page in PAGES
        },
        handlers=[
            (rf"/ui/{assets}/{re.escape(BOKEH_JS.name)}", PackedFileHandler, {"file": BOKEH_JS}),
            (rf"/ui/{assets}/(.*)", LastingFileHandler, {"path": str(STATIC)}),
            (r"/api/v1/live", behind(options.door), {"feed": feed}),
        ],
        feed=feed,
        _past=past,
        memory=memory,
    )


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
