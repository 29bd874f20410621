"""All pages, ready to be mounted: applications for Bokeh's server, plain handlers, and their feed."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bokeh.document import Document
from bokeh.plotting import figure
from jinja2 import Environment, FileSystemLoader, Template
from panel.io.application import Application
from panel.io.handlers import FunctionHandler
from tornado.websocket import WebSocketHandler

from app.core.classification import Party
from app.core.units import SATS_PER_BTC
from app.views import History, Live
from dashboard import figures, theme
from dashboard.assets import STATIC, TEMPLATES, LastingFileHandler, fingerprint
from dashboard.assets import text as assets_text
from dashboard.feed import Feed, SameHostSocket, behind
from dashboard.format import FLOW_MARKS, FLOW_WORDS, MOVED_WORDS
from dashboard.live import LivePainter
from dashboard.log_tail import LogTail
from dashboard.past import PastFlows
from dashboard.samples import SystemMemory
from dashboard.system import SystemPainter
from dashboard.whale import WhaleStory


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOptions:
    """What the pages need from the settings and from the server's door.

    `explorer_url`: the operator's own explorer, None for no links. `door`: the handler whose login and
    Origin check guard the feed. `label_of`: the party behind an output script, None if it has no label.
    `log`: the handler that hangs on the root logger, None to show no log.
    """

    version: str
    explorer_url: str | None = None
    threshold_sat: int = 100 * SATS_PER_BTC
    door: type[WebSocketHandler] = SameHostSocket
    label_of: Callable[[str], Party | None] = lambda _: None
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """`applications` for BokehTornado, `handlers` beside them; `open` on the serving loop."""

    applications: dict[str, Application]
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
    assets = fingerprint()
    past = PastFlows(history, lambda: feed.changed())  # noqa: PLW0108 - made below
    memory = SystemMemory(live)
    story = WhaleStory(live, history, options.label_of)
    feed = Feed(
        live,
        {"live": LivePainter(assets, past), "system": SystemPainter(assets, memory, options.log)},
        story.tell,
    )
    variables = {
        "assets": f"ui/{assets}",
        "navigation": PAGES,
        "theme_css": theme.css(),
        "words": _words(options, assets),
        "asset": assets_text,
        "demo": lambda: live.snapshot.demo,
    }
    templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    return Pages(
        applications={
            page.path: _application(page, templates.get_template(page.template), variables) for page in PAGES
        },
        handlers=[
            (rf"/ui/{assets}/(.*)", LastingFileHandler, {"path": str(STATIC)}),
            (r"/api/v1/live", behind(options.door), {"feed": feed}),
        ],
        feed=feed,
        _past=past,
        memory=memory,
    )


def _application(page: Page, template: Template, variables: dict[str, Any]) -> Application:
    def fill(document: Document) -> None:
        document.title = f"{page.name} · Spout"
        document.template = template
        document.template_variables.update(variables | {"page": page})
        for chart in page.charts:
            document.add_root(chart())

    return Application(FunctionHandler(fill))  # type: ignore[no-untyped-call]


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
