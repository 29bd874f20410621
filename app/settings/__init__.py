"""The settings: the environment's, read once and frozen; above them the operator's own, for the starred.

Only the address and the kinds of text are imported with the package: the port opens before pydantic is there.
"""

from typing import TYPE_CHECKING

from app.front_door import lazily
from app.settings.environment import ListenAddress, listen_address_of
from app.settings.kinds import (
    LONGEST_PASSWORD,
    PASSWORD_FILE,
    SHORTEST_PASSWORD,
    HostList,
    HttpUrl,
    Secret,
    is_loopback,
    plain_address,
)

if TYPE_CHECKING:
    from app.settings.in_force import STARRED as STARRED
    from app.settings.in_force import SettingsInForce as SettingsInForce
    from app.settings.in_force import StarredSetting as StarredSetting
    from app.settings.in_force import starred as starred
    from app.settings.model import LogFormat as LogFormat
    from app.settings.model import LogLevel as LogLevel
    from app.settings.model import Settings as Settings
    from app.settings.model import Source as Source
    from app.settings.reading import read_settings as read_settings

__getattr__ = lazily(
    __name__,
    {
        "app.settings.in_force": ("STARRED", "SettingsInForce", "StarredSetting", "starred"),
        "app.settings.model": ("LogFormat", "LogLevel", "Settings", "Source"),
        "app.settings.reading": ("read_settings",),
    },
)

__all__ = [
    "LONGEST_PASSWORD",
    "PASSWORD_FILE",
    "SHORTEST_PASSWORD",
    "STARRED",
    "HostList",
    "HttpUrl",
    "ListenAddress",
    "LogFormat",
    "LogLevel",
    "Secret",
    "Settings",
    "SettingsInForce",
    "Source",
    "StarredSetting",
    "is_loopback",
    "listen_address_of",
    "plain_address",
    "read_settings",
    "starred",
]
