"""Where settings come from: the `SPOUT_` names of an environment, and the files that `NAME_FILE` names.

The address is read before the rest: the port opens while the library that reads the settings is imported.
"""

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.errors import SettingsError

PREFIX = "SPOUT_"
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8411
HIGHEST_PORT = 65_535
MAY_COME_AS_FILE = (
    "SPOUT_PASSWORD",
    "SPOUT_SECRET",
    "SPOUT_BITCOIND_URL",
    "SPOUT_MEMPOOL_URL",
    "SPOUT_OUTBOUND_PROXY",
    "SPOUT_MQTT_URL",
)
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
_LONGEST_NAME = 80
_MOST_DIGITS = len(str(HIGHEST_PORT))


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where Spout listens; port 0 is any that is free."""

    host: str
    port: int


def listen_address_of(environ: Mapping[str, str]) -> ListenAddress | None:
    """Return the address that is set, or the default; None if it is none: `read_settings` says why."""
    host = (environ.get("SPOUT_HOST") or DEFAULT_HOST).strip()
    port = (environ.get("SPOUT_PORT") or str(DEFAULT_PORT)).strip()
    if not host or not (port.isascii() and port.isdecimal() and len(port) <= _MOST_DIGITS):
        return None
    return ListenAddress(host, int(port)) if int(port) <= HIGHEST_PORT else None


def texts_of(environ: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """Return what was set, by field; `names` are those there are.

    Raises:
        SettingsError: for a name that is not one, one set twice, or a file that cannot be read.
    """
    given = {name: value for name, value in environ.items() if name.startswith(PREFIX) and value != ""}
    for name in given:
        refuse_unknown(name, (*names, *(f"{secret}_FILE" for secret in MAY_COME_AS_FILE)))
    texts = {field_of(name): value.strip() for name, value in _with_files(given, names).items()}
    return texts | {field: texts[field].lower() for field in _CASELESS if field in texts}


def names_of(fields: Iterable[str]) -> tuple[str, ...]:
    """`port` is set by `SPOUT_PORT`."""
    return tuple(PREFIX + field.upper() for field in fields)


def field_of(name: str) -> str:
    return name.removeprefix(PREFIX).lower()


def refuse_unknown(name: str, known: tuple[str, ...]) -> None:
    """Raise SettingsError if there is no such name; it names the right one."""
    if name in known:
        return
    if (retired := name.removesuffix("_FILE")) in RETIRED:
        raise SettingsError(f"{name} is not read: use {RETIRED[retired]} instead")
    near = nearest(name, known)
    hint = f"did you mean {near}?" if near else "docs/settings.md lists the names there are"
    raise SettingsError(f"{name[:_LONGEST_NAME]} is not a setting of Spout: {hint}")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like it, if any is; that both begin with SPOUT_ says nothing."""
    from difflib import get_close_matches  # noqa: PLC0415 - only who is wrong waits for it

    bare = {one.removeprefix(PREFIX): one for one in known}
    near = get_close_matches(name[:_LONGEST_NAME].upper().removeprefix(PREFIX), bare, n=1, cutoff=0.6)
    return bare[near[0]] if near else None


def _with_files(given: dict[str, str], names: tuple[str, ...]) -> dict[str, str]:
    plain = {name: value for name, value in given.items() if name in names}
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
        # Not waited for: a pipe that nobody writes to would hold up the start for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            os.close(handle)
            raise SettingsError(f"{name}: {path} is no plain file: save the secret in one (mode 0600)")
        with open(handle, encoding="utf-8") as file:  # noqa: PTH123 - what is open already
            line = file.read(_LONGEST_FILE_BYTES).partition("\n")[0].strip()
    except OSError as error:
        raise SettingsError(f"{name}: cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{name}: {path} is not text") from error
    if not line:
        raise SettingsError(f"{name}: the first line of {path} is empty")
    return line
