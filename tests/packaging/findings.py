"""What a check of a store package finds, and small questions every rule asks."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Yaml = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    rule: str
    message: str


Findings = Iterator[Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """An app's folder as a store holds it, and what is known of the store around it."""

    folder: Path
    manifest: Yaml
    compose: Yaml
    official: bool
    apps: frozenset[str] = frozenset()
    """Ids of the other apps in the store."""
    ports: frozenset[int] = frozenset()
    """Host ports that other apps have."""
    exported: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Of each dependency: the variables that it, and every app that may stand in for it, exports."""

    @property
    def id(self) -> str:
        return str(self.manifest.get("id"))

    @property
    def services(self) -> dict[str, Yaml]:
        """The services that are ours to describe: all but app_proxy."""
        found = self.compose.get("services")
        if not isinstance(found, dict):
            return {}
        return {name: one for name, one in found.items() if name != "app_proxy" and isinstance(one, dict)}

    @property
    def proxy(self) -> Yaml | None:
        found = self.compose.get("services")
        proxy = found.get("app_proxy") if isinstance(found, dict) else None
        return proxy if isinstance(proxy, dict) else None

    @property
    def proxy_environment(self) -> Yaml:
        return environment_of(self.proxy or {})


def environment_of(service: Yaml) -> dict[str, Any]:
    given = service.get("environment") or {}
    if isinstance(given, list):
        return dict(str(one).split("=", 1) if "=" in str(one) else (str(one), "") for one in given)
    return dict(given)


def is_url(value: object) -> bool:
    if not isinstance(value, str):
        return False
    parts = urlsplit(value)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def matches(pattern: str, value: object) -> bool:
    return isinstance(value, str | int | float) and re.fullmatch(pattern, str(value)) is not None
