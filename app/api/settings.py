"""`/api/v1/settings`: the starred settings, each with its origin; a change takes effect at once."""

from collections.abc import Mapping
from decimal import Decimal
from itertools import islice
from typing import Any, ClassVar

from app.api.base import ApiHandler
from app.api.models import Setting, SettingsList
from app.api.problems import Problem
from app.api.query import asked
from app.api.settings_change import SettingsChange
from app.core.access import Scope
from app.errors import Fault, SettingsError
from app.settings import STARRED, starred
from app.views import SettingShown

_LONGEST_NAME = 50
_MOST_STRANGE = 10


class SettingsHandler(ApiHandler):
    SCOPES: ClassVar[Mapping[str, Scope]] = {"GET": Scope.ADMIN, "HEAD": Scope.ADMIN, "PATCH": Scope.ADMIN}

    async def get(self) -> None:
        self.answer(await self._all())

    async def patch(self) -> None:
        body = self.json_body()
        _refuse_strange(body)
        changes = asked(SettingsChange, body).model_dump(exclude_unset=True)
        if not changes:
            raise Problem(400, "bad_parameter", 'Name what shall change: {"SPOUT_RETENTION_DAYS": 30}')
        try:
            await self.parts.open_settings().change(changes)
        except SettingsError as error:
            raise Problem(400, "bad_parameter", str(error)) from error
        for name, text in changes.items():
            await self.note(
                f"{name} set to {text}" if text is not None else f"{name} back to the environment's"
            )
        self.answer(await self._all())

    async def _all(self) -> SettingsList:
        return SettingsList(settings=[_shape(one) for one in await self.parts.open_settings().listed()])


def _refuse_strange(body: Mapping[str, Any]) -> None:
    """Raise Problem for names that are no setting, or of the environment only, as the command line does."""
    faults = []
    for name in islice((one for one in body if one not in STARRED), _MOST_STRANGE):
        try:
            starred(name)
        except SettingsError as error:
            faults.append(Fault(name[:_LONGEST_NAME], str(error).removeprefix(name[:_LONGEST_NAME]).lstrip()))
    if faults:
        words = "; ".join(f"{one.name} {one.words}" for one in faults)
        raise Problem(400, "unknown_parameter", words, faults=faults)


def _shape(one: SettingShown) -> Setting:
    return Setting(
        name=one.name,
        value=_json(one.value),
        comes_from=one.comes_from,
        without=_json(one.without),
        words=one.words,
        changed_at=one.changed_at,
    )


def _json(value: str | float | Decimal) -> str | int | float | None:
    """Convert a value: BTC as a number; a currency that is off is null."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return None if value == "off" else value
