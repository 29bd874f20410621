"""Apprise's services that are offered, from services.csv: read without importing any of them.

Where a service is one company's (Pushover, Discord), what stands in the place of a URL's host is a token or
an id; `hosts` says what is called instead. Where it is empty, the URL's own host is called; `*` is a name
without a dot in the host's place, which with a dot is a host of its own (Zulip).
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from urllib.parse import urlsplit

from app.errors import TargetRefusedError
from notifiers.targets import is_host


@dataclass(frozen=True, slots=True)
class Service:
    schema: str
    module: str
    class_name: str
    parameters: frozenset[str]
    hosts: tuple[str, ...]


@cache
def services() -> dict[str, Service]:
    """By schema."""
    text = (files("notifiers") / "services.csv").read_text("utf-8")
    return {
        row["schema"]: Service(
            row["schema"],
            row["module"],
            row["class"],
            frozenset(row["parameters"].split()),
            tuple(row["hosts"].split()),
        )
        for row in csv.DictReader(text.splitlines())
    }


def written_host(url: str) -> str:
    """Return what stands in the place of the host, as it is written; empty if nothing does."""
    try:
        authority = urlsplit(url).netloc
    except ValueError:
        return ""
    place = authority.rpartition("@")[2]
    return place.partition("]")[0] + "]" if place.startswith("[") else place.partition(":")[0]


def hosts_of(service: Service, url: str) -> tuple[str, ...]:
    """Return the hosts that this URL has called, as far as it says."""
    written = written_host(url)
    if not service.hosts or (service.hosts[0].startswith("*") and "." in written):
        return (written,)
    return tuple(host.replace("*", written) for host in service.hosts)


def shows_host(url: str) -> bool:
    """Whether a URL's host is one that is called, so that it may be shown; else it may be a secret.

    Every service that is called at the URL's host has its token, topic or room after it: without any
    (`ntfy://topic`), what looks like the host is that.
    """
    service = services().get(url.partition("://")[0].lower())
    if service is None:
        return True
    if service.hosts and not service.hosts[0].startswith("*"):
        return False
    try:
        parts = urlsplit(url)
        more = parts.path.strip("/") or (parts.path and parts.fragment)  # matrix://host/#room
        return bool(more) and is_host(written_host(url))
    except (ValueError, TargetRefusedError):
        return False
