"""All pages, ready to be mounted: applications for Bokeh's server, plain handlers, and their feed."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import panel as pn
from bokeh.settings import settings
from tornado.websocket import WebSocketHandler

from app.core.classification import Party
from app.core.units import SATS_PER_BTC
from app.views import Accounts, History, LiveSnapshot, Snapshot
from dashboard import assets, theme
from dashboard.application import PageApplication
from dashboard.feed.live import LiveRenderer
from dashboard.feed.page_state import PageState
from dashboard.feed.past import PastFlows
from dashboard.feed.samples import SystemMemory, VisibilityBetween, nothing_kept
from dashboard.feed.socket import Feed, SameHostSocket, behind
from dashboard.feed.status import StatusRenderer
from dashboard.feed.system import Called, SystemRenderer
from dashboard.feed.whale import WhaleStory
from dashboard.format import FLOW_MARKS, FLOW_WORDS, MOVED_WORDS
from dashboard.log_tail import LogTail
from dashboard.page import PageSources, unopened
from dashboard.pages import PAGES, Page

_START_SECONDS = 60.0
"""After the start, until pages are composed that nobody has asked for.

Composing takes the interpreter from whales that come meanwhile (frame to stream, p95: 40 ms without,
120 to 160 beside it), and a start has many of them.
"""


async def _nothing() -> None:
    """For whoever waits for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOptions:
    """What the pages need from the settings and from the server's door.

    `explorer_url`: the operator's own explorer, None for no links. `door`: the handler whose login and
    Origin check guard the feed. `label_of`: the party behind an output script, None if it has no label.
    `log`: the handler that hangs on the root logger, None to show no log. `visibility_between`: how much
    could be seen, as the store kept it. `accounts`: how right Spout was. `accuracy_line`: the hit rate under
    which accuracy has fallen, as it is set now. `hosts`: those that alerts have called.
    `pages`: those that stand. `channels`: of pages that bring their own feed, each its renderer by the name
    of the scripts in use; `whale`: what a drawer is told, else as stored. `prepared` is awaited once each
    page was composed ahead.
    """

    version: str
    explorer_url: str | None = None
    threshold_sat: int = 100 * SATS_PER_BTC
    door: type[WebSocketHandler] = SameHostSocket
    label_of: Callable[[str], Party | None] = lambda _: None
    visibility_between: VisibilityBetween = nothing_kept
    log: LogTail | None = None
    accounts: Callable[[], Accounts] = unopened
    accuracy_line: Callable[[], float] = lambda: 0.7
    hosts: Callable[[], Sequence[Called]] = tuple
    pages: tuple[Page, ...] = PAGES
    channels: Mapping[str, Callable[[str], Callable[[Snapshot], PageState]]] = field(default_factory=dict)
    whale: Callable[[str], Awaitable[dict[str, Any] | None]] | None = None
    prepared: Callable[[], Awaitable[None]] = _nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """`applications` for BokehTornado, `handlers` beside them; `open` on the serving loop.

    Opened `ahead`, each page is composed before somebody asks for it; else when it is first asked for.
    """

    applications: dict[str, PageApplication]
    handlers: list[tuple[Any, ...]]
    feed: Feed
    _past: PastFlows = field(repr=False)
    memory: SystemMemory = field(repr=False)
    _prepared: Callable[[], Awaitable[None]] = field(repr=False)
    _preparing: list[asyncio.Task[None]] = field(default_factory=list, repr=False)

    def open(self, *, ahead: bool = True) -> None:
        self.memory.open()
        self.feed.open()
        if ahead:
            self._preparing.append(asyncio.get_running_loop().create_task(self._prepare()))

    def close(self) -> None:
        for task in self._preparing:
            task.cancel()
        self.feed.close()
        self._past.close()
        self.memory.close()

    async def compose_all(self) -> None:
        """Compose each page; what fails is tried again, and said, when it is asked for.

        After each the loop has the interpreter alone for as long: whales that come meanwhile go first.
        """
        loop = asyncio.get_running_loop()
        for page in self.applications.values():
            began = loop.time()
            await page.prepare_quietly()
            await asyncio.sleep(loop.time() - began)
        await self._prepared()

    async def _prepare(self) -> None:
        """At the start the node's mempool comes first, and the page that somebody asks for: then the rest."""
        await asyncio.sleep(_START_SECONDS)
        await self.compose_all()


def build_pages(live: LiveSnapshot, history: History, options: PageOptions) -> Pages:
    """Needs no loop and opens nothing; everything begins with `open`."""
    # The charts are the same in every session: a test validates them, not each visitor anew.
    settings.perform_document_validation.set_value(False)
    pn.config.design = None  # our pages bring theirs
    print_ = assets.fingerprint()
    past = PastFlows(history, lambda: feed.changed())  # noqa: PLW0108 - made below
    memory = SystemMemory(live, options.visibility_between)
    story = WhaleStory(live, history, options.label_of)
    feed = Feed(
        live,
        {
            "live": LiveRenderer(print_, past, memory),
            "system": SystemRenderer(print_, memory, options.log, options.hosts),
            "status": StatusRenderer(print_),
            **{name: renderer(print_) for name, renderer in options.channels.items()},
        },
        options.whale or story.describe,
    )
    variables = {
        "assets": f"ui/{print_}",
        "navigation": [page for page in options.pages if page.navigated],
        "theme_css": theme.css(),
        "words": _words(options, print_),
        "asset": assets.text,
    }
    sources = PageSources(
        live=live, history=history, accounts=options.accounts, accuracy_line=options.accuracy_line
    )
    documents: dict[str, bytes] = {}
    return Pages(
        applications={
            page.path: PageApplication(
                page.path,
                partial(page.compose, sources),
                variables=variables,
                snapshot=lambda: live.snapshot,
                documents=documents,
            )
            for page in options.pages
        },
        handlers=[
            (rf"/ui/{print_}/([A-Za-z0-9_.\-/]+)", assets.AssetHandler, {"documents": documents}),
            (r"/api/v1/live", behind(options.door), {"feed": feed}),
        ],
        feed=feed,
        _past=past,
        memory=memory,
        _prepared=options.prepared,
    )


def _words(options: PageOptions, print_: str) -> str:
    """What the modules must know, as JSON that is safe inside a script element."""
    explorer = options.explorer_url
    body = {
        "assets": print_,
        "version": options.version,
        "threshold": options.threshold_sat,
        "explorer": explorer.rstrip("/")
        if explorer and explorer.startswith(("http://", "https://"))
        else None,
        "flows": {flow.value: [FLOW_MARKS[flow], words] for flow, words in FLOW_WORDS.items()},
        "moved": {sort.value: words for sort, words in MOVED_WORDS.items()},
    }
    return json.dumps(body, ensure_ascii=False).replace("<", "\\u003c")
