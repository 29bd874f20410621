"""Apprise's plugins, of the services in services.csv alone; everything else is refused by name.

Apprise's own manager would import all of its plugins (217 modules) and take local, device and raw-socket
schemas too; here only the module of the schema asked for is imported, and what it calls `requests` is ours.
"""

import copy
import importlib
import logging
import re
import sys
import threading
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from types import ModuleType
from typing import Any
from urllib.parse import unquote

from app.errors import EndpointError
from notifiers.catalogue import Service, hosts_of, services
from notifiers.http import Requests
from notifiers.mail import Mail

MOST_TARGETS = 20
_IMPORTING = threading.Lock()
_LONGEST_URL = 2_000
_TARGETS = ("targets", "topics", "rooms", "channels")
"""Where the plugins keep theirs."""


def service_of(url: str) -> Service:
    """Return the service of an Apprise URL, whose parameters are all known to be harmless.

    Raises:
        EndpointError: if it is not offered, or one of its parameters is not.
    """
    schema = url.partition("://")[0].strip().lower()
    if "://" not in url or not schema.isascii() or len(url) > _LONGEST_URL or not url.isprintable():
        raise EndpointError("url must be one Apprise URL, like ntfy://host/topic")
    service = services().get(schema)
    if service is None:
        near = get_close_matches(schema, services(), n=1)
        hint = f"did you mean {near[0]}://?" if near else f"there are {', '.join(sorted(services()))}"
        raise EndpointError(f"{schema[:40]}:// is not offered for alerts: {hint}")
    _refuse_others(service, _parameters(url))
    return service


def plugin_of(url: str) -> Any:  # noqa: ANN401 - one of Apprise's classes
    """Return the plugin that sends to this URL.

    Raises:
        EndpointError: if Apprise does not understand it, or it has not exactly one target.
    """
    plugin = _plugin(url)
    targets = len(plugin)
    if targets != 1:
        raise EndpointError(f"url must have exactly one target, not {targets}: make an endpoint of each")
    return plugin


def split(url: str) -> tuple[str, ...]:
    """Return one URL for each target of this one; the same one where it has a single one.

    Raises:
        EndpointError: as `plugin_of`, and for more than MOST_TARGETS.
    """
    plugin = _plugin(url)
    many = len(plugin)
    if many == 1:
        return (url,)
    listed = [name for name in _TARGETS if len(getattr(plugin, name, None) or ()) == many]
    if not listed or not 0 < many <= MOST_TARGETS:
        raise EndpointError(f"url must have one target, or up to {MOST_TARGETS}, not {many}")
    _, mark, query = url.partition("?")
    found = []
    for target in tuple(getattr(plugin, listed[0])):
        one = copy.copy(plugin)
        setattr(one, listed[0], [target])
        found.append(str(one.url(privacy=False)).partition("?")[0] + mark + query)
    for one in found:
        plugin_of(one)
    return tuple(found)


def _plugin(url: str) -> Any:  # noqa: ANN401 - one of Apprise's classes
    service = service_of(url)
    kind = load(service.module, service.class_name)
    reported = kind.parse_url(url)
    if not reported:
        raise EndpointError(f"{service.schema}:// is not written as Apprise wants it: {kind.setup_url}")
    for kept in ("qsd", "qsd+", "qsd-", "qsd:"):
        _refuse_others(service, reported.get(kept) or ())
    plugin = build(kind, **reported)
    _refuse_another_host(service, plugin, url)
    return plugin


def _refuse_another_host(service: Service, plugin: Any, url: str) -> None:  # noqa: ANN401 - one of Apprise's classes
    """Apprise calls a public server where what is written is no host to it (ntfy, Matrix), or a part."""
    if service.hosts and "*" not in service.hosts[0]:
        return
    called = plugin.host if not service.hosts else f"{plugin.organization}.{plugin.hostname}"
    [written] = hosts_of(service, url)
    if not written or (called or "").strip("[]").lower() != written.strip("[]").lower():
        public = " (the public one is ntfys://ntfy.sh/TOPIC)" if service.module == "ntfy" else ""
        raise EndpointError(
            f"{service.schema}:// needs a host to be called, like {service.schema}://HOST/…{public}"
        )


def named_hosts(url: str) -> tuple[str, ...]:
    """Return the hosts that an Apprise URL has called.

    Raises:
        EndpointError: if its service is not offered.
    """
    return hosts_of(service_of(url), url)


def build(kind: Any, **reported: Any) -> Any:  # noqa: ANN401 - Apprise's
    """Return a plugin of this class.

    Raises:
        EndpointError: if Apprise refuses what it was told; its words may hold secrets and are not repeated.
    """
    logging.getLogger("apprise").disabled = True  # its lines hold tokens, payloads and whole answers
    asset = apprise().AppriseAsset(
        app_id="Spout",
        app_desc="Spout",
        app_url="",
        image_url_mask="",  # else a phone would fetch pictures from a stranger's server
        image_url_logo="",
        secure_logging=True,
    )
    try:
        made = kind(asset=asset, **reported)
    except (TypeError, ValueError) as error:
        raise EndpointError(f"{kind.service_name} does not take this: a part is missing or wrong") from error
    # The pace is the dispatcher's: a plugin never waits, also where a server wants it to (Matrix, Discord).
    made.throttle = _no_wait
    return made


def apprise() -> ModuleType:
    """Return Apprise, which the first endpoint imports, on one thread alone.

    Its modules import each other in a circle: two threads that enter it at two places meet half-made ones.
    """
    with _IMPORTING:
        return importlib.import_module("apprise")


@cache
def load(module: str, class_name: str) -> Any:  # noqa: ANN401 - one of Apprise's classes
    """Import one plugin of Apprise, and give it our way out in place of its own."""
    apprise()
    name = f"apprise.plugins.{module}"
    kind = getattr(importlib.import_module(name), class_name)
    for loaded, found in sys.modules.copy().items():  # other threads import meanwhile; a copy is one step
        if loaded == name or loaded.startswith(f"{name}."):
            for theirs, ours in (("requests", Requests()), ("smtplib", Mail())):
                if hasattr(found, theirs):
                    setattr(found, theirs, ours)
    return kind


def _no_wait(last_io: object = None, wait: object = None) -> None:
    """Stands for Apprise's `throttle`, which would sleep in our thread for as long as a server says."""


def _refuse_others(service: Service, names: Iterable[str]) -> None:
    for name in names:
        if name not in service.parameters:
            known = ", ".join(sorted(service.parameters)) or "none"
            raise EndpointError(
                f"{service.schema}:// may not have the parameter {name[:40]!r} (it may have: {known})"
            )


def _parameters(url: str) -> list[str]:
    """Names of parameters however they are set off; those that begin with +, - or : would set headers."""
    reported = re.split(r"[&?#;]", url.partition("?")[2])
    return [unquote(part.partition("=")[0]).strip().lower() for part in reported if part]
