"""The settings in force: the environment's, with the operator's own for the starred ones above them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from types import MappingProxyType
from typing import Any

import structlog

from app.errors import SettingsError
from app.settings.environment import PREFIX, field_of, nearest
from app.settings.model import LiveSetting, Settings
from app.settings.reading import read_settings, setting_names

Receive = Callable[[Settings], None]
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StarredSetting:
    """One that may be set while Spout runs."""

    name: str
    words: str
    """What it does."""

    @property
    def field(self) -> str:
        return field_of(self.name)

    def parse(self, text: str) -> Any:  # noqa: ANN401 - each has its own type
        """Return the value that `text` means.

        Raises:
            SettingsError: in the words that the environment's would be refused with.
        """
        if not text.strip():
            raise SettingsError(f"{self.name} must not be empty: unset it to go back to the environment's")
        return getattr(read_settings({self.name: text}), self.field)


STARRED: Mapping[str, StarredSetting] = MappingProxyType(
    {
        PREFIX + field.upper(): StarredSetting(PREFIX + field.upper(), live.words)
        for field, info in Settings.model_fields.items()
        for live in info.metadata
        if isinstance(live, LiveSetting)
    }
)


def starred(name: str) -> StarredSetting:
    """Return the setting of this name.

    Raises:
        SettingsError: if there is none that may be set while Spout runs; it names the nearest.
    """
    if name in STARRED:
        return STARRED[name]
    if name in setting_names():
        raise SettingsError(
            f"{name} is set in the environment only; what can be set here: {', '.join(STARRED)}"
        )
    near = nearest(name, STARRED)
    hint = f"did you mean {near}?" if near else f"what can be set here: {', '.join(STARRED)}"
    raise SettingsError(f"{name[:50]} is not a setting: {hint}")


class SettingsInForce:
    """What the parts that must follow a change subscribe to; `base` stays as the environment had it."""

    def __init__(self, base: Settings) -> None:
        self.base = base
        self._current = base
        self._receivers: dict[int, Receive] = {}
        self._numbers = count()

    @property
    def current(self) -> Settings:
        return self._current

    def subscribe(self, receive: Receive) -> Callable[[], None]:
        """Call `receive` (quickly, without raising) after each change; returns what ends it, also twice."""
        number = next(self._numbers)
        self._receivers[number] = receive

        def leave() -> None:
            self._receivers.pop(number, None)

        return leave

    def adopt(self, own: Mapping[str, str]) -> None:
        """Take the operator's own texts, by name; whoever subscribed is told if anything changed.

        One that is no longer good (a newer Spout may have kept it) is left out, and said in the log.
        """
        values = {}
        for name, text in own.items():
            try:
                setting = starred(name)
                values[setting.field] = setting.parse(text)
            except SettingsError as error:
                _log.warning("a kept setting is not taken", reason=str(error))
        changed = self.base.model_copy(update=values)
        if changed == self._current:
            return
        self._current = changed
        _log.info("settings changed", own=sorted(own))
        for receive in tuple(self._receivers.values()):
            receive(changed)
