"""`/api/v1/labels`: the operator's own labels; what is changed here holds from the next second on."""

from functools import cache
from typing import Any

from app.api.base import ApiHandler
from app.api.problems import Problem, bad_parameter
from app.api.query import refuse_unknown
from app.core.entities import Entities
from app.core.labels import Label, a_label, parse_table, script_or_text
from app.data import entities_table
from app.errors import LabelError

MOST_AT_ONCE = 5_000
_FIELDS = ("address", "entity", "group", "kind", "basis", "created_at")


class LabelsHandler(ApiHandler):
    async def get(self) -> None:
        refuse_unknown(self.query(), ())
        found = await self.parts.open_labels().listed()
        self.answer({"labels": [label_body(one) for one in found], "total_count": len(found)})

    async def post(self) -> None:
        labels = labels_of(self.json_body(), self.parts.clock.now().date().isoformat())
        await self.parts.open_labels().put(labels)
        self.answer({"labels": [label_body(one) for one in labels], "total_count": len(labels)}, 201)


class LabelHandler(ApiHandler):
    async def delete(self, address: str) -> None:
        refuse_unknown(self.query(), ())
        if not await self.parts.open_labels().remove(script_or_text(address)):
            raise Problem(404, "not_found", f"There is no label of yours for {address[:100]}")
        self.set_status(204)
        await self.finish()


def label_body(label: Label) -> dict[str, Any]:
    return {"script": label.script, **{name: getattr(label, name) for name in _FIELDS}}


def labels_of(body: dict[str, Any], today: str) -> list[Label]:
    """Read one label, or `{"labels": [...]}`; all are good or none is taken.

    Raises:
        Problem: 400, naming the first that is not good.
    """
    if "labels" not in body:
        return [_label(body, "", today)]
    refuse_unknown(body, ("labels",))
    told = body["labels"]
    if not isinstance(told, list) or not 1 <= len(told) <= MOST_AT_ONCE:
        raise bad_parameter("labels", f"must be a list of 1 to {MOST_AT_ONCE} labels")
    return [_label(one, f"labels[{number}]: ", today) for number, one in enumerate(told)]


def _label(told: object, where: str, today: str) -> Label:
    if not isinstance(told, dict):
        raise Problem(400, "bad_label", f"{where}must be an object with address and entity")
    refuse_unknown(told, _FIELDS)
    texts = {name: value for name, value in told.items() if value is not None}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise Problem(400, "bad_label", f"{where}{name} must be text")
    try:
        return a_label(
            texts.get("address", ""),
            texts.get("entity", ""),
            group=texts.get("group", ""),
            kind=texts.get("kind", ""),
            basis=texts.get("basis", ""),
            created_at=texts.get("created_at") or today,
            known=_shipped(),
        )
    except LabelError as error:
        raise Problem(400, "bad_label", f"{where}{error}") from error


@cache
def _shipped() -> Entities:
    """Names that are known bring their group and kind."""
    return Entities(parse_table(entities_table()))
