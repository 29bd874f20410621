"""What the pages hand to the server: the seam between `dashboard` and `app.server`."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class WrittenPage(Protocol):
    """A Bokeh application that writes its own page."""

    def html(self, token: str) -> str:
        """The page; `token` opens the session that its charts ask for, for some minutes."""
        ...


class PagesBundle(Protocol):
    @property
    def applications(self) -> Mapping[str, Any]:
        """Path ("/", "/system") -> Bokeh application; one that is a `WrittenPage` too writes its own page."""
        ...

    @property
    def handlers(self) -> Sequence[tuple[Any, ...]]:
        """Tornado's `(pattern, handler, kwargs)`.

        Those under `/api/` are served beside the API and guard themselves (`LoginRequiredWebSocket`,
        or `Gate.may_open_feed`); all others lie behind the pages' login, as the pages do.
        """
        ...

    def open(self) -> None:
        """Called on the serving loop once the pages are mounted."""
        ...

    def close(self) -> None:
        """Called when the server closes."""
        ...
