"""What a page is: a Panel template composed of Panel objects, whose text goes out before any session.

    def live(sources: PageSources) -> SpoutPage:
        page = SpoutPage("live.html", title="LiveSnapshot", channel="live", frozen=True)
        page.add_panel("pending", WhaleTable(which="pending"))   # {{ place("pending") }} in live.html
        return page

A page without a template of its own gives none: `add_section` makes cards, one after the other.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, NoReturn

import panel as pn
from bokeh.document import Document
from bokeh.model import Model
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from panel.io.state import set_curdoc, state
from panel.viewable import Viewable

from app.errors import StoreError
from app.views import Accounts, History, LiveSnapshot
from dashboard import assets
from dashboard.components import EarlyComponent, Toasts
from dashboard.look import SpoutDesign

TEMPLATES = Environment(loader=FileSystemLoader(assets.TEMPLATES), autoescape=True)
_ROOT = "page-"
"""Before the names of roots: a figure inside may be called as its component."""


def unopened() -> NoReturn:
    """Accounts before there are any."""
    raise StoreError("the database is not open yet")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSources:
    """What a page may read: now, the past, and how right Spout was.

    `accounts` raises StoreError while no database is open. `accuracy_line`: the hit rate under which
    accuracy has fallen, as it is set now.
    """

    live: LiveSnapshot
    history: History
    accounts: Callable[[], Accounts] = unopened
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    accuracy_line: Callable[[], float] = lambda: 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A card with a title and a note; its fields stand side by side, its parts below. By name of a root."""

    name: str
    title: str
    note: str
    wide: bool
    fields: tuple[str, ...]
    parts: tuple[str, ...]


class SpoutPage(pn.Template):
    """A Panel template that knows where its parts go by name, so that its HTML needs no session.

    `channel`: what the page's feed tells: live, system, or status, which is the line at the top alone.
    `frozen`: nothing of it calls Python, so it is made once for everybody and no session is needed.
    """

    def __init__(
        self,
        layout: str = "sheet.html",
        *,
        title: str,
        channel: str = "status",
        frozen: bool = False,
        **parts: Viewable,
    ) -> None:
        super().__init__(template=TEMPLATES.get_template(layout), design=SpoutDesign)
        self.title = title
        self.channel, self.frozen = channel, frozen
        self.toasts = Toasts()
        self.sections: list[Section] = []
        self._document: Document | None = state.curdoc
        if not frozen:
            self.add_panel("toasts", self.toasts)
        for name, part in parts.items():
            self.add_panel(name, part)

    def add_section(
        self,
        name: str,
        title: str,
        *,
        note: str = "",
        wide: bool = True,
        fields: Mapping[str, Viewable] | None = None,
        **parts: Viewable,
    ) -> None:
        """Add a card: `fields` side by side (a form's), then `parts`; `wide` takes the page's whole width."""
        named = {key: {f"{name}-{part}": one for part, one in group.items()}
                 for key, group in (("fields", fields or {}), ("parts", parts))}  # fmt: skip
        for part, one in (*named["fields"].items(), *named["parts"].items()):
            self.add_panel(part, one)
        self.sections.append(
            Section(
                name=name,
                title=title,
                note=note,
                wide=wide,
                fields=tuple(named["fields"]),
                parts=tuple(named["parts"]),
            )
        )

    def soon(self, call: Callable[[], Any]) -> None:
        """Await this once the page is there, with the document's lock.

        Panel runs a coroutine without the lock, which Bokeh's figures need; and what is changed before the
        browser has said that it is ready is not sent.
        """
        if self._document is not None and self._document.session_context is not None:
            with set_curdoc(self._document):
                state.onload(partial(_next, self._document, call))

    def every(self, milliseconds: int, call: Callable[[], Any]) -> None:
        """The same again and again while a session of the page lives; without one, never."""
        if self._document is not None and self._document.session_context is not None:
            self._document.add_periodic_callback(call, milliseconds)

    def places(self) -> dict[str, Markup]:
        """The element of every part by its name; what can be drawn before the session says so itself."""
        return {name: _place(name, part) for name, part in self._items()}

    def early_modules(self, *, later: bool = False) -> tuple[str, ...]:
        """The modules of what is drawn before Panel is there, at once or `later`, in the parts' order."""
        early = (part for _, part in self._items() if isinstance(part, EarlyComponent))
        return tuple(dict.fromkeys(part.module for part in early if part.later is later))

    def _items(self) -> list[tuple[str, Any]]:
        return [(name, part) for name, (part, _) in self._render_items.items()]

    def _init_doc(
        self,
        doc: Document | None = None,
        comm: object = None,
        title: str | None = None,  # noqa: ARG002 - ours counts
        notebook: bool = False,  # noqa: FBT001, FBT002 - Panel's shape
        location: Any = True,  # noqa: ANN401, FBT002 - Panel's shape
    ) -> Document:
        document: Document = super()._init_doc(doc, comm, self.title, notebook, location)
        # The contract's test has this one; ours is no area, but has its methods.
        state._notifications[document] = self.toasts  # type: ignore[assignment]  # noqa: SLF001
        return document

    def _apply_root(self, name: str, model: Model, tags: list[str]) -> None:  # noqa: ARG002 - Panel's shape
        model.name = f"{_ROOT}{name}"


def _next(document: Document, call: Callable[[], Any]) -> None:
    document.add_next_tick_callback(call)


def _place(name: str, part: Viewable) -> Markup:
    early = Markup()
    if isinstance(part, EarlyComponent):
        early = Markup(' data-module="{}" data-params="{}"').format(
            part.module, json.dumps(part.first_values())
        )
        early += Markup(' data-later="yes"') if part.later else Markup()
    reserve = getattr(part, "reserve", 0)
    style = Markup(' style="--reserve:{}px"').format(reserve) if reserve else Markup()
    return Markup('<div id="root-{}" class="place"{}{}></div>').format(name, style, early)
