"""The settings: the environment's, read once and frozen; above them the operator's own, for the starred."""

from typing import TYPE_CHECKING

from app.front_door import lazily
from app.settings.kinds import (
    LONGEST_PASSWORD,
    PASSWORD_FILE,
    SHORTEST_PASSWORD,
    HostList,
    HttpUrl,
    Secret,
    plain_address,
)
from app.settings.model import LogFormat, LogLevel, Settings, Source, is_loopback
from app.settings.reading import read_settings

if TYPE_CHECKING:
    from app.settings.in_force import STARRED as STARRED
    from app.settings.in_force import SettingsInForce as SettingsInForce
    from app.settings.in_force import starred as starred

# It logs, and the port opens before structlog is imported.
__getattr__ = lazily(__name__, {"app.settings.in_force": ("STARRED", "SettingsInForce", "starred")})

__all__ = [
    "LONGEST_PASSWORD",
    "PASSWORD_FILE",
    "SHORTEST_PASSWORD",
    "STARRED",
    "HostList",
    "HttpUrl",
    "LogFormat",
    "LogLevel",
    "Secret",
    "Settings",
    "SettingsInForce",
    "Source",
    "is_loopback",
    "plain_address",
    "read_settings",
    "starred",
]
