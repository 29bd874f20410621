"""What the operator set, as one frozen model: every name of the contract, its kind, its default.

`docs/settings.md` lists every name; a test compares.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from app.core.units import SATS_PER_BTC, Sats
from app.settings.environment import DEFAULT_HOST, DEFAULT_PORT, HIGHEST_PORT, names_of, texts_of
from app.settings.kinds import (
    Currency,
    ElectrumUrl,
    HostList,
    HttpUrl,
    MqttUrl,
    ProxyUrl,
    Secret,
    TcpUrl,
    TimeZone,
    is_loopback,
)


class Source(StrEnum):
    AUTO = "auto"
    MEMPOOL = "mempool"
    BITCOIND = "bitcoind"
    DEMO = "demo"


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    CONSOLE = "console"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Must:
    """What a value must be, as a refusal says it."""

    words: str


@dataclass(frozen=True, slots=True)
class LiveSetting:
    """Of a setting that may be set while Spout runs, and then wins over the environment: what it does."""

    words: str


def _digits(text: object) -> object:
    """As the early reading of SPOUT_PORT takes them: Python would read 84_11 too, and 8411.0."""
    if isinstance(text, str) and not _WHOLE.fullmatch(text.strip()):
        raise ValueError
    return text


def _decimal(text: object) -> object:
    if isinstance(text, str) and not _DECIMAL.fullmatch(text.strip()):
        raise ValueError
    return text


_WHOLE = re.compile(r"[0-9]+")
_DECIMAL = re.compile(r"-?([0-9]+(\.[0-9]+)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
"""Read from left to right, once: with two runs of digits beside each other a long one took seconds."""
_Btc = Annotated[
    Decimal,
    Field(gt=0, le=21_000_000, decimal_places=8),
    BeforeValidator(_decimal),
    Must("be an amount of BTC above 0, with at most 8 decimals"),
]
_Days = Annotated[
    int, Field(ge=1, le=36_500), BeforeValidator(_digits), Must("be a whole number of days from 1 to 36500")
]
_Megabytes = Annotated[
    int,
    Field(ge=100, le=1_048_576),
    BeforeValidator(_digits),
    Must("be a whole number of MB from 100 to 1048576"),
]
_FrameMegabytes = Annotated[
    int, Field(ge=8, le=4_096), BeforeValidator(_digits), Must("be a whole number of MB from 8 to 4096")
]
_Clients = Annotated[
    int, Field(ge=1, le=10_000), BeforeValidator(_digits), Must("be a whole number from 1 to 10000")
]
_Share = Annotated[
    float, Field(ge=0, le=1, allow_inf_nan=False), BeforeValidator(_decimal), Must("be a number from 0 to 1")
]
_Port = Annotated[
    int,
    Field(ge=0, le=HIGHEST_PORT),
    BeforeValidator(_digits),
    Must("be a whole number from 0 (any free port) to 65535"),
]
_Source = Annotated[Source, Must("be one of auto, mempool, bitcoind, demo")]
_Level = Annotated[LogLevel, Must("be one of debug, info, warning, error")]
_Format = Annotated[LogFormat, Must("be console or json")]
_LONGEST_PATH, _LONGEST_NAME = 4_095, 255
"""Bytes, as Linux has them; every look at a longer one fails."""
_Switch = Annotated[bool, Must("be true or false")]


def _at_home(path: Path) -> Path:
    try:
        home = path.expanduser()
    except RuntimeError:
        raise ValueError(f"must be a path, and there is no home of {path.parts[0]!r}") from None
    names = [len(os.fsencode(one)) for one in home.parts]
    if sum(names) + len(names) > _LONGEST_PATH or max(names, default=0) > _LONGEST_NAME:
        raise ValueError("must be a path, and is longer than one may be")
    return home


_Path = Annotated[Path, AfterValidator(_at_home)]


class EnvironmentSource(PydanticBaseSettingsSource):
    """The texts that were set, by field; an empty one counts as unset. Refuses a name that is no setting."""

    def __init__(self, settings_cls: type[BaseSettings], environ: Mapping[str, str]) -> None:
        super().__init__(settings_cls)
        self._environ = environ

    def __call__(self) -> dict[str, Any]:
        return dict(texts_of(self._environ, names_of(self.settings_cls.model_fields)))

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - pydantic's own
        return self().get(field_name), field_name, False


class Settings(BaseSettings):
    """Every name of the contract; `SPOUT_PORT` is `port`. None where the operator set nothing."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True
    )

    source: _Source = Source.AUTO
    mempool_url: HttpUrl = HttpUrl("http://127.0.0.1:8999")
    electrs_url: ElectrumUrl | None = None
    bitcoind_url: HttpUrl | None = None
    bitcoind_cookie_file: _Path | None = None
    bitcoind_zmq_rawtx: TcpUrl | None = None
    bitcoind_zmq_sequence: TcpUrl | None = None
    bitcoind_zmq_hashblock: TcpUrl | None = None
    ca_file: _Path | None = None
    data_dir: _Path = Path("data")
    host: str = DEFAULT_HOST
    port: _Port = DEFAULT_PORT
    password: Secret | None = None
    secret: Secret | None = None
    trust_proxy_auth: _Switch = False
    trusted_proxies: HostList | None = None
    whale_threshold_btc: Annotated[_Btc, LiveSetting("a whale moves strictly more than this many BTC")] = (
        Decimal(100)
    )
    retention_days: Annotated[_Days, LiveSetting("how many days events and predictions are kept")] = 90
    memory_limit_mb: _Megabytes = 500
    max_frame_mb: _FrameMegabytes | None = None
    """None: the smaller of 600 and a third of what the cgroup or the machine leaves."""
    stream_clients: _Clients = 100
    accuracy_alert_below: Annotated[_Share, LiveSetting("tell when the hit rate falls below")] = 0.70
    mempool_app_url: HttpUrl | None = None
    outbound_proxy: ProxyUrl | None = None
    allowed_targets: HostList | None = None
    timezone: Annotated[TimeZone, LiveSetting("of quiet hours, digests and messages; the API stays UTC")] = (
        TimeZone("UTC")
    )
    mqtt_url: MqttUrl | None = None
    currency: Annotated[Currency, LiveSetting("shown beside bitcoin, by your own backend's prices")] = (
        Currency("off")
    )
    log_level: _Level = LogLevel.INFO
    log_format: _Format = LogFormat.CONSOLE

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's own names
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's shape
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's shape
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment that `read_settings` was handed; nothing else is looked at."""
        return (EnvironmentSource(settings_cls, init_settings().get("environ", {})),)

    def revealed(self) -> tuple[str, ...]:
        """Every secret that the settings hold, as it may come to stand in a text: to be hidden there."""
        values = [getattr(self, name) for name in type(self).model_fields]
        own = [value.reveal() for value in values if isinstance(value, Secret)]
        passwords = [urlsplit(value).password for value in values if isinstance(value, str) and "@" in value]
        return tuple({form for one in (*own, *passwords) if one for form in (one, unquote(one))})

    @property
    def given(self) -> frozenset[str]:
        """The fields the operator set; the rest are defaults."""
        return frozenset(self.model_fields_set)

    @property
    def whale_threshold_sat(self) -> Sats:
        return Sats(int(self.whale_threshold_btc * SATS_PER_BTC))

    @property
    def source_configured(self) -> bool:
        """Whether the operator named a node; only where none is named may a demo be shown."""
        return not self.given.isdisjoint(
            {"mempool_url", "electrs_url", "bitcoind_url", "bitcoind_cookie_file", "bitcoind_zmq_rawtx"}
        )

    @property
    def loopback_only(self) -> bool:
        return is_loopback(self.host)
