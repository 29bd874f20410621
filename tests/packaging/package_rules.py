"""The rules of an Umbrel package's files, and the check of a whole store: `findings(root, app_id, …)`.

Umbrel's linter cannot be had from a package registry; these are its rules by its own names, and what umbrelOS
does besides. Not checked, as they need a registry or the store's git: image.pullable, image.digest,
image.architecture, git.changed, app.deleted.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from tests.packaging.compose_rules import compose_findings
from tests.packaging.findings import Finding, Findings, Package
from tests.packaging.manifest_rules import manifest_findings

MANIFEST, COMPOSE = "umbrel-app.yml", "docker-compose.yml"
HOOKS = frozenset(
    f"{when}-{what}" for when in ("pre", "post") for what in ("install", "start", "stop", "update")
)
ARTIFACT = re.compile(r"\.(db|sqlite\w*|log|pid|sock|pem|key|duckdb)$|^\.env$")
REVIEWED = re.compile(r"(icon|logo|screenshot|gallery|\d)[\w.-]*\.(svg|png|jpe?g|webp)$")
TOP_LEVEL = frozenset((MANIFEST, COMPOSE, "exports.sh", "torrc", "hooks", "data", "README.md"))
LIFECYCLE = re.compile(r"^\s*(docker|podman|mkdir|chown|chmod)\b", re.MULTILINE)


def findings(
    folder: Path,
    *,
    official: bool,
    apps: frozenset[str],
    ports: frozenset[int],
    exported: Mapping[str, frozenset[str]],
) -> list[Finding]:
    """Return all that is wrong with the app in `folder`; its parent is the store."""
    read: list[dict[str, object]] = []
    for name, kind in ((MANIFEST, "manifest"), (COMPOSE, "compose")):
        if not (folder / name).is_file():
            return [Finding("compose.missing" if kind == "compose" else "app.unknown", f"{name} is missing")]
        try:
            found = yaml.safe_load((folder / name).read_text("utf-8"))
        except yaml.YAMLError as error:
            return [Finding("yaml.parse", f"{name}: {error}")]
        if not isinstance(found, dict):
            return [Finding(f"{kind}.type", f"{name} is no mapping")]
        read.append(found)
    package = Package(
        folder=folder,
        manifest=read[0],
        compose=read[1],
        official=official,
        apps=apps,
        ports=ports,
        exported=exported,
    )
    return [*manifest_findings(package), *compose_findings(package), *_file_findings(package)]


def store_findings(root: Path) -> Findings:
    """Yield what keeps umbrelOS from showing the apps of a community store."""
    path = root / "umbrel-app-store.yml"
    if not path.is_file():
        yield Finding("store.missing", "umbrel-app-store.yml is missing at the top level")
        return
    store = yaml.safe_load(path.read_text("utf-8"))
    for name in ("id", "name"):
        if not store.get(name):
            yield Finding(f"store.{name}", f"the store's {name} is empty")
    for folder in (one.parent for one in root.glob(f"*/{MANIFEST}")):
        if not folder.name.startswith(f"{store.get('id')}-"):
            yield Finding(
                "store.prefix", f"{folder.name} is silently dropped: it does not begin with the store's id"
            )


def _file_findings(package: Package) -> Findings:
    folder = package.folder
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_symlink():
            yield Finding("package.symlink", f"{inside} would dangle once installed")
        elif path.is_file() and ARTIFACT.search(path.name):
            yield Finding("package.runtime_artifact", f"{inside} is made while it runs")
        elif path.is_file() and REVIEWED.search(path.name):
            yield Finding("package.review_assets", f"{inside} belongs into the pull request's text")
        elif path.suffix == ".template" and inside.parent != Path():
            yield Finding("templates.location", f"{inside} is not at the package's top level")
        elif path.suffix == ".template" and path.with_suffix("").exists():
            yield Finding("templates.rendered_output", f"{inside}'s rendered form is made on the box")
    for path in folder.iterdir():
        if path.name not in TOP_LEVEL and path.suffix != ".template":
            yield Finding("app.top_level", f"umbrelOS copies no {path.name} with an update")
    yield from _hook_findings(folder)
    yield from _export_findings(folder / "exports.sh")


def _hook_findings(folder: Path) -> Findings:
    hooks = folder / "hooks"
    for path in sorted(hooks.iterdir()) if hooks.is_dir() else []:
        if path.name not in HOOKS:
            yield Finding("hooks.name", f"umbrelOS never calls {path.name}")
        if not os.access(path, os.X_OK):
            yield Finding("hooks.executable", f"{path.name} cannot be executed")
        if not path.read_text("utf-8").startswith("#!"):
            yield Finding("hooks.shebang", f"{path.name} names no interpreter")


def _export_findings(path: Path) -> Findings:
    if not path.exists():
        return
    text = path.read_text("utf-8")
    if os.access(path, os.X_OK):
        yield Finding("exports.executable", "exports.sh is sourced, not executed")
    if text.startswith("#!"):
        yield Finding("exports.shebang", "exports.sh is sourced: no interpreter")
    for rule, pattern in (
        ("exports.exit", r"^\s*exit\b"),
        ("exports.cd", r"^\s*cd\b"),
        ("exports.shell_options", r"^\s*(set|shopt) [-+]?\w"),
        ("exports.lifecycle", LIFECYCLE.pattern),
    ):
        if re.search(pattern, text, re.MULTILINE):
            yield Finding(rule, f"exports.sh, sourced by umbrelOS, has {pattern}")
