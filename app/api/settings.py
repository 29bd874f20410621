"""`/api/v1/settings`: the starred settings, each with its origin; a change takes effect at once."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from app.api.base import ApiHandler
from app.api.models import NoQuery, Setting, SettingsList
from app.api.problems import Problem, bad_parameter
from app.core.access import Scope
from app.errors import SettingsError
from app.views import SettingShown


class SettingsHandler(ApiHandler):
    SCOPES: ClassVar[Mapping[str, Scope]] = {"GET": Scope.ADMIN, "HEAD": Scope.ADMIN, "PATCH": Scope.ADMIN}

    async def get(self) -> None:
        self.asked_query(NoQuery)
        self.answer(await self._all())

    async def patch(self) -> None:
        changes = {name: _text(name, value) for name, value in self.json_body().items()}
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


def _text(name: str, value: Any) -> str | None:  # noqa: ANN401 - any JSON
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise bad_parameter(name[:50], "must be a text, a number, or null for the environment's")
    return str(value)


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
