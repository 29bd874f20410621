"""Reads the settings, and says in one line what is wrong with them; a secret is never repeated."""

from collections.abc import Mapping
from typing import Any, NoReturn

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from app.errors import SettingsError
from app.settings.environment import PREFIX, names_of
from app.settings.kinds import LONGEST_PASSWORD, PASSWORD_FILE
from app.settings.model import Must, Settings, Source

_LONGEST_SHOWN = 80


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read the `SPOUT_` names; an empty value counts as unset.

    Raises:
        SettingsError: one line naming the setting at fault and how to mend it.
    """
    reported: dict[str, Any] = {"environ": environ}
    try:
        settings = Settings(**reported)
    except ValidationError as error:
        explain(error)
    refuse_contradictions(settings)
    return settings


def setting_names() -> tuple[str, ...]:
    """Every name that may be set, without the `_FILE` forms."""
    return names_of(Settings.model_fields)


def explain(error: ValidationError) -> NoReturn:
    """Turn pydantic's words for the first thing that is wrong into the operator's.

    Raises:
        SettingsError: always, and not from its cause, which repeats what was given.
    """
    first = error.errors(include_url=False)[0]
    field = str(first["loc"][0])
    name, must = PREFIX + field.upper(), must_of(Settings.model_fields[field])
    if must is not None:
        raise SettingsError(f"{name} must {must}, not {str(first['input'])[:_LONGEST_SHOWN]!r}") from None
    raise SettingsError(f"{name} {first.get('ctx', {}).get('error', first['msg'])}") from None


def must_of(field: FieldInfo) -> str | None:
    """What its value must be, in words; None where its kind says it."""
    found = [one.words for one in _metadata_of(field) if isinstance(one, Must)]
    return found[0] if found else None


def _metadata_of(field: FieldInfo) -> list[Any]:
    """Of `X | None` that of X counts."""
    inner = [getattr(part, "__metadata__", ()) for part in getattr(field.annotation, "__args__", ())]
    return [*field.metadata, *(one for part in inner for one in part)]


def refuse_contradictions(settings: Settings) -> None:
    """Raise SettingsError for settings that are each good and not good together."""
    if settings.bitcoind_cookie_file and settings.bitcoind_url and settings.bitcoind_url.has_credentials:
        raise SettingsError(
            "SPOUT_BITCOIND_URL has a user and SPOUT_BITCOIND_COOKIE_FILE is set too: keep one of them"
        )
    if settings.source is Source.BITCOIND and not (settings.bitcoind_url or settings.bitcoind_cookie_file):
        raise SettingsError(
            "SPOUT_SOURCE=bitcoind needs SPOUT_BITCOIND_URL (http://user:password@host:8332) "
            "or SPOUT_BITCOIND_COOKIE_FILE"
        )
    if settings.password and len(settings.password.reveal()) > LONGEST_PASSWORD:
        raise SettingsError(f"SPOUT_PASSWORD is longer than {LONGEST_PASSWORD} characters: shorten it")
    if not (settings.loopback_only or settings.password or settings.trust_proxy_auth or _was_set(settings)):
        raise SettingsError(
            f"SPOUT_HOST={settings.host} lets other machines in and nothing asks them who they are: "
            "set SPOUT_PASSWORD, or SPOUT_TRUST_PROXY_AUTH=true if a proxy in front asks for a login, "
            "or SPOUT_HOST=127.0.0.1"
        )
    if settings.trust_proxy_auth and not settings.loopback_only and settings.trusted_proxies is None:
        raise SettingsError(
            f"SPOUT_TRUST_PROXY_AUTH=true with SPOUT_HOST={settings.host} would trust every neighbour: "
            "name the proxy in SPOUT_TRUSTED_PROXIES (its address, network or host name)"
        )


def _was_set(settings: Settings) -> bool:
    """Whether `spout password` has set one; in a directory that cannot be looked into there is none."""
    try:
        return (settings.data_dir / PASSWORD_FILE).exists()
    except OSError:
        return False
