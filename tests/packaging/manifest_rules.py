"""The rules of umbrel-app.yml, as Umbrel's own linter names them and umbrelOS reads the file."""

import re
from collections.abc import Callable

from tests.packaging.findings import Finding, Findings, Package, Yaml, is_text, is_url, matches

REQUIRED = [
    "manifestVersion",
    "id",
    "category",
    "name",
    "version",
    "tagline",
    "description",
    "developer",
    "website",
    "dependencies",
    "repo",
    "support",
    "port",
    "gallery",
    "path",
    "submitter",
    "submission",
]
CATEGORIES = frozenset(
    (
        "ai",
        "automation",
        "bitcoin",
        "crypto",
        "developer",
        "files",
        "finance",
        "media",
        "networking",
        "social",
    )
)
RESERVED_PORTS = frozenset((80, 443, 2000))
WIDGETS: dict[str, tuple[str, ...]] = {
    "text-with-buttons": ("title", "text", "buttons"),
    "text-with-progress": ("title", "text", "progress"),
    "two-stats-with-guage": ("items",),
    "three-stats": ("items",),
    "four-stats": ("items",),
    "list": ("items",),
    "list-emoji": ("items",),
}
"""Each type, and what its reply cannot do without."""
ITEMS = {"two-stats-with-guage": 2, "three-stats": 3, "four-stats": 4}
MOST_WIDGETS, MOST_TAGLINE, MOST_NAME, MOST_DESCRIPTION = 3, 98, 50, 5000


def manifest_findings(package: Package) -> Findings:
    for rule in _RULES:
        yield from rule(package)


def _required(package: Package) -> Findings:
    for name in REQUIRED:
        if name not in package.manifest:
            yield Finding("manifest.required", f"{name} is missing")


def _identity(package: Package) -> Findings:
    manifest = package.manifest
    if not matches(r"\d+(\.\d+){0,2}", manifest.get("manifestVersion")):
        yield Finding("manifest.version", "manifestVersion is the lowest umbrelOS version, as 1 or 1.1")
    if not matches(r"[a-z0-9][a-z0-9-]*[a-z0-9]", manifest.get("id")) or package.id != package.folder.name:
        yield Finding("manifest.id", f"id {package.id} is not the folder's name in small letters")
    if manifest.get("category") not in CATEGORIES:
        yield Finding("manifest.category", f"{manifest.get('category')} is no category")
    if not is_text(manifest.get("version")):
        yield Finding("manifest.version", "version is no quoted text")


def _words(package: Package) -> Findings:
    manifest = package.manifest
    for name in ("name", "tagline", "description", "developer", "support", "submitter"):
        if not is_text(manifest.get(name)):
            yield Finding(f"manifest.{name}", f"{name} is empty or no text")
    for name, most in (("tagline", MOST_TAGLINE), ("name", MOST_NAME), ("description", MOST_DESCRIPTION)):
        if len(str(manifest.get(name, ""))) > most:
            yield Finding(f"manifest.{name}", f"{name} has over {most} characters")
    if str(manifest.get("tagline", "")).endswith("."):
        yield Finding("manifest.tagline", "a tagline ends without a full stop")


def _kinds(package: Package) -> Findings:
    manifest = package.manifest
    for name in ("website", "submission", "support"):
        if not is_url(manifest.get(name)):
            yield Finding(f"manifest.{name}", f"{name} is no http(s) address")
    if manifest.get("repo") != "" and not is_url(manifest.get("repo")):
        yield Finding("manifest.repo", "repo is neither empty nor an http(s) address")
    for name in ("defaultUsername", "defaultPassword", "defaultShell"):
        if not isinstance(manifest.get(name, ""), str):
            yield Finding(f"manifest.{name}", f"{name} is no text")
    for name in ("deterministicPassword", "torOnly", "optimizedForUmbrelHome", "requiresHttps", "disabled"):
        if not isinstance(manifest.get(name, False), bool):
            yield Finding(f"manifest.{name}", f"{name} is neither true nor false")


def _port(package: Package) -> Findings:
    port = package.manifest.get("port")
    if type(port) is not int or not 0 < port < 65536 or port in RESERVED_PORTS:
        yield Finding("manifest.port", f"{port} is no free port from 1 to 65535")
    elif port in package.ports:
        yield Finding("manifest.port_unique", f"{port} belongs to another app")
    path = package.manifest.get("path")
    if not isinstance(path, str) or (path and not path.startswith("/")):
        yield Finding("manifest.path", "path is neither empty nor begins with /")


def _relations(package: Package) -> Findings:
    for name in ("dependencies", "implements"):
        given = package.manifest.get(name, [])
        if not isinstance(given, list) or not all(is_text(one) for one in given):
            yield Finding(f"manifest.{name}", f"{name} is no list of app ids")
            continue
        if package.id in given or len(set(given)) != len(given):
            yield Finding(f"manifest.{name}", f"{name} names the app itself, or one twice")
        if name == "dependencies" and (strangers := sorted(set(given) - package.apps)):
            yield Finding("manifest.dependencies", f"the store has no app {', '.join(strangers)}")
    if not set(package.manifest.get("permissions", [])) <= {"STORAGE_DOWNLOADS", "GPU"}:
        yield Finding("manifest.permissions", "only STORAGE_DOWNLOADS and GPU can be asked for")
    mounts = [str(one) for service in package.services.values() for one in service.get("volumes") or []]
    wants = any("UMBREL_ROOT}/data/storage/downloads" in one for one in mounts)
    if wants != ("STORAGE_DOWNLOADS" in package.manifest.get("permissions", [])):
        yield Finding("permissions.downloads", "STORAGE_DOWNLOADS and the mount of the downloads go together")


def _pictures(package: Package) -> Findings:
    gallery = package.manifest.get("gallery")
    if not isinstance(gallery, list) or not all(isinstance(one, str) for one in gallery):
        yield Finding("manifest.gallery", "gallery is no list of texts")
        return
    if package.official:
        if gallery:
            yield Finding("manifest.gallery", "Umbrel makes the gallery of its own store: []")
        if "icon" in package.manifest:
            yield Finding("manifest.icon", "Umbrel hosts the icon of its own store: none here")
        if package.manifest.get("releaseNotes") != "":
            yield Finding("manifest.release_notes", 'a new app has releaseNotes: ""')
        return
    if not all(is_url(one) for one in gallery) or not 3 <= len(gallery) <= 5:
        yield Finding("manifest.gallery", "a community store's gallery is three to five full addresses")
    if not is_url(package.manifest.get("icon")):
        yield Finding("manifest.icon", "a community store's icon is a full address")
    if not is_text(package.manifest.get("releaseNotes")):
        yield Finding("manifest.release_notes", "releaseNotes are empty")


def _backup(package: Package) -> Findings:
    for one in package.manifest.get("backupIgnore", []):
        escapes = not matches(r"[-a-zA-Z0-9._/*]+", one) or str(one).startswith("/") or ".." in str(one)
        if escapes or str(one).rstrip("/") in ("*", ".", "data"):
            yield Finding("manifest.backup_ignore", f"{one} leaves the app's data, or leaves nothing of it")


def _widgets(package: Package) -> Findings:
    widgets = package.manifest.get("widgets", [])
    if not isinstance(widgets, list) or len(widgets) > MOST_WIDGETS:
        yield Finding("manifest.widgets", f"widgets is no list of at most {MOST_WIDGETS}")
        return
    if len({one.get("id") for one in widgets}) != len(widgets):
        yield Finding("manifest.widgets", "two widgets have one id")
    for widget in widgets:
        yield from (Finding("manifest.widgets", words) for words in _of_widget(widget, package))


def _of_widget(widget: Yaml, package: Package) -> list[str]:
    texts = ("id", "type", "refresh", "endpoint")
    words = [f"a widget's {name} is empty" for name in texts if not is_text(widget.get(name))]
    example, kind = widget.get("example"), str(widget.get("type"))
    if not matches(r"[a-z0-9]+(-[a-z0-9]+)*", widget.get("id")):
        words.append("a widget's id is in small letters with hyphens")
    if kind not in WIDGETS:
        words.append(f"{kind} is no type of widget")
    if not matches(r"\d+(ms|s|m|h)", widget.get("refresh")):
        words.append("a widget's refresh is no duration, as 10s")
    if not isinstance(widget.get("link"), str):
        words.append("a widget's link is no text")
    endpoint = re.fullmatch(r"([a-zA-Z0-9_-]+):\d+(/.*)?", str(widget.get("endpoint")))
    if endpoint is None or endpoint[1] not in package.services:
        words.append(f"no service answers at {widget.get('endpoint')}")
    if not isinstance(example, dict):
        return [*words, "a widget's example is missing"]
    # What the endpoint answers has the example's shape; a reply without `refresh` is an error to umbrelOS.
    words += [
        f"the example lacks {one}"
        for one in ("type", "refresh", *WIDGETS.get(kind, ()))
        if one not in example
    ]
    if example.get("type") != kind:
        words.append("the example is of another type")
    if kind in ITEMS and len(example.get("items") or []) != ITEMS[kind]:
        words.append(f"{kind} shows {ITEMS[kind]} items")
    return words


_RULES: tuple[Callable[[Package], Findings], ...] = (
    _required,
    _identity,
    _words,
    _kinds,
    _port,
    _relations,
    _pictures,
    _backup,
    _widgets,
)
