"""How a page is served: its text at once, its document once for everybody or once a session, in a thread."""

import asyncio
import gc
import hashlib
import json
import logging
import sys
from collections.abc import Callable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from weakref import WeakSet

from bokeh.core.json_encoder import serialize_json
from bokeh.document import Document
from jinja2 import Template
from panel.io.application import Application
from panel.io.handlers import FunctionHandler
from panel.io.resources import LOCAL_DIST, patch_model_css
from panel.io.state import set_curdoc

from app import allocator
from app.views import Snapshot
from dashboard import assets, writes
from dashboard.feed.states import banners
from dashboard.page import TEMPLATES, SpoutPage

_log = logging.getLogger("dashboard.application")
writes.install()
_HANDS_OVER_SECONDS = 0.0005
MAIN_MODULE = "static/page.js"
PANEL_MODULE = "static/panel.js"
_COMPOSER = ThreadPoolExecutor(1, thread_name_prefix="compose")
"""One: Panel's state is global, and two that compose at once would only share the interpreter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What a page's text is made of, learned from one composition of it, which is let go of."""

    template: Template
    frozen: bool
    session: dict[str, Any]
    """What the scripts must know: `channel`, `scripts`, `later` (modules), and `document` if frozen."""
    variables: dict[str, Any]
    """Of its template, the same for everybody."""


class PageApplication(Application):
    """`compose` is called once to learn the page's text, and then once a session, or once if it is frozen."""

    def __init__(
        self,
        path: str,
        compose: Callable[[], SpoutPage],
        *,
        variables: dict[str, Any],
        snapshot: Callable[[], Snapshot],
        documents: MutableMapping[str, bytes],
    ) -> None:
        """`documents`: where a frozen page's document is put, to be served."""
        super().__init__(FunctionHandler(self._fill))  # type: ignore[no-untyped-call]  # the library has no types
        self._path, self._compose, self._snapshot = path, compose, snapshot
        self._variables = {**variables, "path": path}
        self._documents = documents
        self._learned: Learned | None = None
        self._composed: WeakSet[Document] = WeakSet()

    async def prepare(self) -> None:
        """Compose it once, off the loop; after that its text is made in a moment."""
        if self._learned is None:
            loop = asyncio.get_running_loop()
            self._learned = await loop.run_in_executor(_COMPOSER, self._learn)

    async def prepare_quietly(self) -> None:
        """The same; what a page's composition raises is logged, and a card is shown instead of the page."""
        try:
            await self.prepare()
        except Exception:  # noqa: BLE001 - a page may raise anything, and the others stand all the same
            _log.exception("page not composed: %s", self._path)

    async def html(self, token: str) -> str:
        """The page's text; `token` opens its session, for some minutes. A card if it cannot be composed."""
        await self.prepare_quietly()
        snapshot = self._snapshot()
        now = {**self._variables, "snapshot": snapshot, "banners": banners(snapshot)}
        if self._learned is None:  # it will be tried again
            return TEMPLATES.get_template("broken.html").render(now, title="Spout", session="{}", scripts=[])
        learned = self._learned
        session = learned.session if learned.frozen else {**learned.session, "token": token}
        text = json.dumps(session, separators=(",", ":"))
        return learned.template.render(now, **learned.variables, session=text)

    async def on_session_created(self, session_context: Any) -> None:  # noqa: ANN401 - Bokeh's
        """Compose in a thread, so that the loop answers others meanwhile."""
        await super().on_session_created(session_context)  # type: ignore[no-untyped-call]  # the library has no types
        document = session_context._document  # noqa: SLF001 - the contract's test has it
        self._set_session_prefix(document)  # type: ignore[no-untyped-call]  # the library has no types
        await asyncio.get_running_loop().run_in_executor(_COMPOSER, self._compose_into, document)

    def _learn(self) -> Learned:
        document = Document()
        with _giving_way(), document.models.freeze():
            page = self._place_on(document)
        session: dict[str, Any] = {"channel": page.channel, "scripts": assets.library_addresses()}
        if page.frozen:
            body = serialize_json(document.to_json(deferred=False)).encode()
            name = f"documents/{hashlib.sha256(body).hexdigest()[:16]}.json"
            self._documents[name] = body
            session["document"] = assets.address(name)
        learned = Learned(
            template=page.template, frozen=page.frozen, session=session, variables=_variables(page, session)
        )
        _let_go(document)
        return learned

    def _compose_into(self, document: Document) -> None:
        try:
            with _giving_way(), document.models.freeze():
                self._place_on(document)
                _say_once(document)
        except Exception:  # noqa: BLE001 - Panel would write its traceback into the page
            _log.exception("page not composed: %s", self._path)
            document.clear()
        self._composed.add(document)

    def _fill(self, document: Document) -> None:
        """What Bokeh calls once the session is made; it was composed before, in the thread."""
        if document not in self._composed:
            self._compose_into(document)

    def _place_on(self, document: Document) -> SpoutPage:
        with set_curdoc(document):
            document._template_variables["dist_url"] = LOCAL_DIST  # noqa: SLF001 - else a CDN is named
            page = self._compose()
            page.server_doc(document, location=False)
            for root in document.roots:
                patch_model_css(root, dist_url=LOCAL_DIST)
        return page


def _let_go(document: Document) -> None:
    """Do as when a session ends: else Panel's registers hold all that was composed for as long as it runs."""
    ended: Any = SimpleNamespace(id=None, _document=document)  # all that Panel asks a session for
    for callback in tuple(document.session_destroyed_callbacks):
        callback(ended)
    document.session_destroyed_callbacks = set()
    document.clear()
    gc.collect()  # as Bokeh does then: all of it is cycles, and the next page shall find the memory free
    allocator.hand_back()


@contextmanager
def _giving_way() -> Iterator[None]:
    """While a page is composed the loop gets the interpreter back in half a millisecond, not in five.

    It lets go of it at each call into the system, of which an answer to a browser makes a dozen.
    """
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_HANDS_OVER_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def _say_once(document: Document) -> None:
    """Keep what the browser will ask for first, made here in the thread: it takes longer than composing.

    Let go of when it was asked for, or when the document changes before.
    """
    made = document.to_json()

    def to_json(*, deferred: bool = True) -> Any:  # noqa: ANN401 - Bokeh's
        del document.to_json
        return made if deferred else document.to_json(deferred=False)

    def changed(event: object) -> None:  # noqa: ARG001 - Bokeh looks at the name
        if "to_json" in vars(document):
            del document.to_json

    document.to_json = to_json  # type: ignore[method-assign]  # of this one document
    document.on_change(changed)


def _variables(page: SpoutPage, session: dict[str, Any]) -> dict[str, Any]:
    places = page.places()
    grouped = {name for one in page.sections for name in (*one.fields, *one.parts)}
    # What opens the feed's line comes first: the state is asked for while the rest is still being loaded.
    first = assets.modules_behind((MAIN_MODULE,))
    rest = assets.modules_behind(tuple(f"components/{name}" for name in page.early_modules()))
    modules = list(dict.fromkeys((*first, *rest)))
    late = tuple(f"components/{name}" for name in page.early_modules(later=True))
    later = [name for name in assets.modules_behind((PANEL_MODULE, *late)) if name not in modules]
    assets.pack([*modules, *later])
    session["later"] = [assets.address(name) for name in later]
    return {
        "title": f"{page.title} · Spout",
        "heading": page.title,
        "scripts": session["scripts"],
        "document": session.get("document"),
        "modules": [assets.address(name) for name in modules],
        "sections": page.sections,
        "placed": [name for name in places if name not in {*grouped, "toasts", "announcements"}],
        "place": lambda name: places.get(name, ""),
    }
