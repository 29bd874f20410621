"""The interface by which `dashboard` passes its pages to `app.server`."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class WrittenPage(Protocol):
    """A Bokeh application that renders its own page."""

    async def html(self, token: str) -> str:
        """Return the page; `token` opens its Bokeh session, if it needs one, for some minutes."""
        ...


class PagesBundle(Protocol):
    @property
    def applications(self) -> Mapping[str, Any]:
        """Path ("/", "/system") -> Bokeh application; a `WrittenPage` renders its own page."""
        ...

    @property
    def handlers(self) -> Sequence[tuple[Any, ...]]:
        """Tornado's `(pattern, handler, kwargs)`.

        Those under `/api/` are served beside the API and check access themselves (`LoginRequiredWebSocket`,
        or `Gate.may_open_feed`); all others require the pages' login, as the pages do.
        """
        ...

    def open(self) -> None:
        """Called on the serving loop once the pages are mounted."""
        ...

    def close(self) -> None:
        """Called when the server closes."""
        ...
