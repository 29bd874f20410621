"""`/api/v1/labels`: the operator's own labels; a change takes effect within a second."""

import asyncio
from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar

from app.api.base import ApiHandler
from app.api.models import Label as LabelShape
from app.api.models import LabelFilters, Labels, NewLabel, NewLabels, PageInfo, read
from app.api.problems import Problem, bad_parameter
from app.api.query import asked
from app.core.flow import Entities, Label, a_label, brief, parse_table, script_or_text
from app.data import entities_table
from app.errors import Fault, LabelError, ParseError, RequestError
from app.views import LabelPage


class LabelsHandler(ApiHandler):
    QUERIES: ClassVar[frozenset[str]] = frozenset(("GET",))
    REVALIDATED = True

    async def get(self) -> None:
        query = self.asked_query(LabelFilters).query()
        try:
            page = await self.parts.open_labels().page(query)
        except ParseError as error:
            raise bad_parameter("cursor", str(error)) from error
        self.answer(await asyncio.to_thread(_page_body, page, query.limit))

    async def post(self) -> None:
        today = self.parts.clock.now().date().isoformat()
        labels = await asyncio.to_thread(labels_of, self.json_body(), today)
        await self.parts.open_labels().put(labels)
        await self.note(f"{brief(labels)} set")
        self.answer(await asyncio.to_thread(_body, labels), 201)


class LabelHandler(ApiHandler):
    async def delete(self, address: str) -> None:
        entity = await self.parts.open_labels().remove(script_or_text(address))
        if entity is None:
            raise Problem(404, "not_found", f"There is no label of yours for {address[:100]}")
        await self.note(f"label {entity!r} of {address[:100]} removed")
        self.set_status(204)
        await self.finish()


def _page_body(page: LabelPage, limit: int) -> dict[str, Any]:
    info = PageInfo(limit=limit, has_next=page.next_cursor is not None, next_cursor=page.next_cursor)
    return Labels(
        labels=[label_shape(one) for one in page.labels], total_count=page.total_count, page_info=info
    ).body()


def _body(labels: Sequence[Label]) -> dict[str, Any]:
    return Labels(labels=[label_shape(one) for one in labels], total_count=len(labels)).body()


def label_shape(label: Label) -> LabelShape:
    return LabelShape(
        script=label.script,
        address=label.address,
        entity=label.entity,
        group=label.group,
        kind=label.kind,
        basis=label.basis,
        created_at=label.created_at,
        private=label.private,
    )


def labels_of(body: dict[str, Any], today: str) -> list[Label]:
    """Read one label, or `{"labels": [...]}`; all must be valid, or none is accepted.

    Raises:
        Problem: 400, naming the first invalid one.
    """
    if "labels" not in body:
        return [_label(body, "", today)]
    given = asked(NewLabels, body).labels
    return [_label(one, f"labels[{number}]: ", today) for number, one in enumerate(given)]


def _label(given: object, where: str, today: str) -> Label:
    if not isinstance(given, dict):
        raise Problem(400, "bad_label", f"{where}must be an object with address and entity")
    try:
        given = read(NewLabel, given)
        return a_label(
            given.address or "",
            given.entity or "",
            group=given.group or "",
            kind=given.kind or "",
            basis=given.basis or "",
            created_at=given.created_at or today,
            private=given.private,
            known=shipped_labels(),
        )
    except RequestError as error:
        code = "bad_label" if error.code == "bad_parameter" else error.code
        raise Problem(400, code, f"{where}{error}", faults=_within(where, error.faults)) from error
    except LabelError as error:
        faults = _within(where, error.faults)
        raise Problem(400, "bad_label", f"{where}{error}", faults=faults) from error


def _within(where: str, faults: Sequence[Fault]) -> list[Fault]:
    """Return the faults by the names that were sent: of many, `labels[1].address`."""
    path = where.removesuffix(": ")
    return [Fault(f"{path}.{one.name}" if path else one.name, one.words) for one in faults]


@cache
def shipped_labels() -> Entities:
    """Return the shipped table: a known entity name implies group and kind."""
    return Entities(parse_table(entities_table()))
