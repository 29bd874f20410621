"""From settings to the parts: where alerts may call, through what, and with which secrets."""

import random
from collections.abc import Awaitable, Callable
from zoneinfo import ZoneInfo

import psutil

from app.bus import Bus
from app.clock import Clock
from app.core.events import Event
from app.keyring import Keyring
from app.settings import Settings
from app.store import AuditLog, OperatorFile
from notifiers.attempts import CountAttempt
from notifiers.dialler import Dialler
from notifiers.directory import Directory
from notifiers.proxy import Proxy
from notifiers.sealing import Seal
from notifiers.service import Alerts
from notifiers.targets import Allowed, Network, TargetPolicy, in_container, own_networks


def make_alerts(
    settings: Settings,
    keyring: Keyring,
    file: OperatorFile,
    *,
    clock: Clock,
    bus: Bus[Event],
    working: Callable[[], bool] = lambda: True,
    disabled: Callable[[str, str, str], Awaitable[None]] | None = None,
    zone: Callable[[], str] | None = None,
    attempted: CountAttempt | None = None,
    fee: Callable[[], float | None] = lambda: None,
) -> Alerts:
    """Return all of it; nothing runs yet. `zone`: the time zone in force, unless the settings' own.

    Raises:
        SettingsError: if the proxy, the certificates or the allowed targets cannot be used.
    """
    proxy = Proxy.parse(settings.outbound_proxy) if settings.outbound_proxy else None
    policy = TargetPolicy(
        allowed=Allowed.parse(settings.allowed_targets.entries if settings.allowed_targets else ()),
        own_networks=_container_networks() if in_container() else (),
        proxied=proxy is not None,
    )
    return Alerts(
        directory=Directory(file, Seal(keyring)),
        dialler=Dialler(policy, proxy=proxy, ca_file=settings.ca_file),
        clock=clock,
        bus=bus,
        jitter=random.random,
        working=working,
        disabled=disabled,
        zone=lambda: ZoneInfo(zone() if zone else settings.timezone),
        explorer=settings.mempool_app_url,
        attempted=attempted,
        fee=fee,
        note=lambda words: AuditLog(file).note("Telegram", words, clock.now()),
    )


def _container_networks() -> tuple[Network, ...]:
    return own_networks(
        (place.address, place.netmask)
        for places in psutil.net_if_addrs().values()
        for place in places
        if place.netmask
    )
