"""Rows by the hundred thousand: one page at a time, sorted where they are kept."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import panel as pn
import param

from dashboard.components.base import FileComponent

LARGEST_PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`kind`: "" for text, "num" for what stands right, "time" for a time in ISO 8601.

    `sortable`: its head is a button.
    """

    field: str
    title: str
    kind: str = ""
    sortable: bool = True

    def body(self) -> dict[str, Any]:
        return {"field": self.field, "title": self.title, "kind": self.kind, "sortable": self.sortable}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAsked:
    """`sort` is the field of a sortable column, checked."""

    offset: int
    limit: int
    sort: str
    descending: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOfRows:
    """`rows`: cells as text in the columns' order, None for unknown; `ids`: by row, a whale to open."""

    total: int
    rows: Sequence[Sequence[str | None]]
    ids: Sequence[str | None] = ()


class PagedTable(FileComponent):
    """A paged, sortable table; on a phone each row is a card. Page and order stand in the address.

    `PagedTable(ask, columns=[...])`: `ask(PageAsked) -> PageOfRows` is awaited for each page. `label`: what
    the table is, for screen readers. `sorted_by`: its field at first. `again()`: ask anew, from page one,
    when what it shows was filtered otherwise. `empty`: what is said of no rows. Its rows in sight
    are saved as CSV.
    """

    columns = param.List(default=[])
    page_size = param.Integer(default=50)
    label = param.String(default="Table")
    sorted_by = param.String(default="")
    empty = param.String(default="Nothing here yet.")
    asked_anew = param.Integer(default=0)

    module = "paged_table.js"

    def __init__(
        self,
        ask: Callable[[PageAsked], Awaitable[PageOfRows]],
        columns: Sequence[Column],
        **params: Any,  # noqa: ANN401 - Panel's shape
    ) -> None:
        params.setdefault("sorted_by", columns[0].field)
        super().__init__(columns=[one.body() for one in columns], **params)
        self._ask = ask
        self._sortable = {one.field for one in columns if one.sortable}

    def again(self) -> None:
        self.asked_anew += 1

    def _handle_msg(self, data: dict[str, Any]) -> None:
        pn.state.execute(partial(self._answer, data))

    async def _answer(self, data: dict[str, Any]) -> None:
        asked = self._asked(data)
        page = await self._ask(asked)
        self._send_msg(
            {
                "id": data.get("id"),
                "total": page.total,
                "rows": [list(row) for row in page.rows],
                "ids": list(page.ids),
            }
        )

    def _asked(self, data: dict[str, Any]) -> PageAsked:
        """What the browser sent, within what may be asked."""
        sort = data.get("sort")
        return PageAsked(
            offset=max(0, _whole(data.get("offset"), 0)),
            limit=min(max(1, _whole(data.get("limit"), self.page_size)), LARGEST_PAGE),
            sort=sort if sort in self._sortable else self.sorted_by,
            descending=bool(data.get("down")),
        )


def _whole(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise
