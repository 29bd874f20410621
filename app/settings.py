"""What the operator set: read once from the environment, checked whole, then frozen.

Read before the port is open, so it is kept light: msgspec converts, because importing pydantic
alone takes longer than opening the port. `docs/settings.md` lists every name; a test compares.
"""

from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, NoReturn

import msgspec

from app.core.units import SATS_PER_BTC, Sats
from app.errors import SettingsError
from app.setting_types import ElectrumUrl, HttpUrl, Secret, TcpUrl

PREFIX = "SPOUT_"
MAY_COME_AS_FILE = ("SPOUT_PASSWORD", "SPOUT_SECRET", "SPOUT_BITCOIND_URL", "SPOUT_MEMPOOL_URL")
"""Those that are secret or may hold one: `NAME_FILE` names a file whose first line is the value."""
RETIRED = {
    "SPOUT_BITCOIND_RPC_URL": "SPOUT_BITCOIND_URL",
    "SPOUT_DB_PATH": "SPOUT_DATA_DIR",
    "SPOUT_DEMO": "SPOUT_SOURCE=demo",
    "SPOUT_MEMPOOL_API_URL": "SPOUT_MEMPOOL_URL",
    "SPOUT_MEMPOOL_WS_URL": "SPOUT_MEMPOOL_URL",
    "SPOUT_THRESHOLD_BTC": "SPOUT_WHALE_THRESHOLD_BTC",
}
_LONGEST_FILE_BYTES = 64 * 1024
_CASELESS = ("source", "log_level", "log_format", "trust_proxy_auth")


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


def _must(words: str, **limits: Any) -> Any:  # noqa: ANN401 - msgspec's own constraints
    return msgspec.Meta(extra={"must": words}, **limits)


_Btc = Annotated[Decimal, _must("be an amount of BTC above 0, with at most 8 decimals")]
_Days = Annotated[int, _must("be a whole number of days from 1 to 36500", ge=1, le=36_500)]
_Megabytes = Annotated[int, _must("be a whole number of MB from 100 to 1048576", ge=100, le=1_048_576)]
_Share = Annotated[float, _must("be a number from 0 to 1", ge=0, le=1)]
_Port = Annotated[int, _must("be a whole number from 0 (any free port) to 65535", ge=0, le=65_535)]
_Source = Annotated[Source, _must("be one of auto, mempool, bitcoind, demo")]
_Level = Annotated[LogLevel, _must("be one of debug, info, warning, error")]
_Format = Annotated[LogFormat, _must("be console or json")]
_Switch = Annotated[bool, _must("be true or false")]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every name of the contract; `SPOUT_PORT` is `port`. None where the operator set nothing."""

    source: _Source = Source.AUTO
    mempool_url: HttpUrl = HttpUrl("http://127.0.0.1:8999")
    electrs_url: ElectrumUrl | None = None
    bitcoind_url: HttpUrl | None = None
    bitcoind_cookie_file: Path | None = None
    bitcoind_zmq_rawtx: TcpUrl | None = None
    bitcoind_zmq_sequence: TcpUrl | None = None
    bitcoind_zmq_hashblock: TcpUrl | None = None
    data_dir: Path = Path("data")
    host: str = "127.0.0.1"
    port: _Port = 8411
    password: Secret | None = None
    secret: Secret | None = None
    trust_proxy_auth: _Switch = False
    whale_threshold_btc: _Btc = Decimal(100)
    retention_days: _Days = 90
    memory_limit_mb: _Megabytes = 500
    accuracy_alert_below: _Share = 0.70
    mempool_app_url: HttpUrl | None = None
    log_level: _Level = LogLevel.INFO
    log_format: _Format = LogFormat.CONSOLE
    given: frozenset[str] = frozenset()
    """The fields the operator set; the rest are defaults."""

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


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read the `SPOUT_` names; an empty value counts as unset.

    Raises:
        SettingsError: one line naming the setting at fault and how to mend it.
    """
    given = {name: value for name, value in environ.items() if name.startswith(PREFIX) and value != ""}
    for name in given:
        _refuse_unknown(name)
    values = {_field(name): value.strip() for name, value in _with_files(given).items()}
    values |= {field: values[field].lower() for field in _CASELESS if field in values}
    try:
        settings = msgspec.convert(
            {**values, "given": list(values)}, Settings, strict=False, dec_hook=_from_text
        )
    except msgspec.ValidationError as error:
        _explain(error, values)
    _refuse_contradictions(settings)
    return settings


def setting_names() -> tuple[str, ...]:
    """Every name that may be set, without the `_FILE` forms."""
    return tuple(PREFIX + name.upper() for name in Settings.__struct_fields__ if name != "given")


def is_loopback(host: str) -> bool:
    """True for an address, or localhost, that no other machine can reach; a name is not looked up."""
    bare = host.strip("[]").lower()
    if bare == "localhost" or bare.endswith(".localhost"):
        return True
    try:
        return ip_address(bare).is_loopback
    except ValueError:
        return False


def _field(name: str) -> str:
    return name.removeprefix(PREFIX).lower()


def _refuse_unknown(name: str) -> None:
    known = (*setting_names(), *(f"{name}_FILE" for name in MAY_COME_AS_FILE))
    if name in known:
        return
    if name in RETIRED:
        raise SettingsError(f"{name} is not read: use {RETIRED[name]} instead")
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]}?" if near else "docs/settings.md lists the names there are"
    raise SettingsError(f"{name} is not a setting of Spout: {hint}")


def _with_files(given: dict[str, str]) -> dict[str, str]:
    plain = {name: value for name, value in given.items() if name in setting_names()}
    for name, path in given.items():
        if name in plain:
            continue
        target = name.removesuffix("_FILE")
        if target in plain:
            raise SettingsError(f"{target} and {name} are both set: keep one of them")
        plain[target] = _first_line(name, Path(path.strip()))
    return plain


def _first_line(name: str, path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            line = file.read(_LONGEST_FILE_BYTES).partition("\n")[0].strip()
    except OSError as error:
        raise SettingsError(f"{name}: cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{name}: {path} is not text") from error
    if not line:
        raise SettingsError(f"{name}: the first line of {path} is empty")
    return line


def _from_text(kind: type, text: Any) -> Any:  # noqa: ANN401 - the shape msgspec calls
    if kind is Path:
        return Path(text).expanduser()
    return kind(text)


def _explain(error: msgspec.ValidationError, values: dict[str, str]) -> NoReturn:
    """Turn msgspec's words into the operator's; a secret's value is never repeated."""
    reason, _, place = str(error).rpartition(" - at `$.")
    field = place.rstrip("`").partition("[")[0]
    name = PREFIX + field.upper()
    kinds = {known.name: known.type for known in msgspec.structs.fields(Settings)}
    meta = msgspec.inspect.type_info(kinds[field])
    if isinstance(meta, msgspec.inspect.Metadata) and meta.extra:
        raise SettingsError(f"{name} must {meta.extra['must']}, not {values[field]!r}") from error
    raise SettingsError(f"{name} {reason}") from error


def _refuse_contradictions(settings: Settings) -> None:
    if not _is_threshold(settings.whale_threshold_btc):
        raise SettingsError(
            "SPOUT_WHALE_THRESHOLD_BTC must be an amount of BTC above 0, with at most 8 decimals, "
            f"not {str(settings.whale_threshold_btc)!r}"
        )
    if settings.bitcoind_cookie_file and settings.bitcoind_url and settings.bitcoind_url.has_credentials:
        raise SettingsError(
            "SPOUT_BITCOIND_URL has a user and SPOUT_BITCOIND_COOKIE_FILE is set too: keep one of them"
        )
    if settings.source is Source.BITCOIND and not (settings.bitcoind_url or settings.bitcoind_cookie_file):
        raise SettingsError(
            "SPOUT_SOURCE=bitcoind needs SPOUT_BITCOIND_URL (http://user:password@host:8332) "
            "or SPOUT_BITCOIND_COOKIE_FILE"
        )
    if not (settings.loopback_only or settings.password or settings.trust_proxy_auth):
        raise SettingsError(
            f"SPOUT_HOST={settings.host} lets other machines in and nothing asks them who they are: "
            "set SPOUT_PASSWORD, or SPOUT_TRUST_PROXY_AUTH=true if a proxy in front asks for a login, "
            "or SPOUT_HOST=127.0.0.1"
        )


def _is_threshold(btc: Decimal) -> bool:
    try:
        return 0 < btc <= 21_000_000 and btc == btc.quantize(Decimal(1) / SATS_PER_BTC)
    except ArithmeticError:
        return False
