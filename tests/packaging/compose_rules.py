"""The rules of docker-compose.yml on Umbrel."""

import re
from collections.abc import Callable
from pathlib import PurePosixPath

from tests.packaging.findings import Finding, Findings, Package, Yaml, environment_of, matches

ALWAYS = frozenset(
    [
        "APP_ID",
        "APP_VERSION",
        "APP_MANIFEST_FILE",
        "APP_DATA_DIR",
        "APP_DOMAIN",
        "APP_HIDDEN_SERVICE",
        "APP_PROXY_HOSTNAME",
        "APP_PROXY_PORT",
        "APP_SEED",
        "APP_PASSWORD",
        "DEVICE_HOSTNAME",
        "DEVICE_DOMAIN_NAME",
        "UMBREL_ROOT",
        "NETWORK_IP",
        "TOR_PROXY_IP",
        "TOR_PROXY_PORT",
        "TOR_DATA_DIR",
    ]
)
"""What umbrelOS sets for every app."""
VARIABLE = re.compile(r"\$(?:\{(\w+)(:?[-+?][^}]*)?\}|(\w+))")
IMAGE = r"[a-z0-9.:/_-]+/[a-z0-9._-]+:[\w.-]+@sha256:[0-9a-f]{64}"
WARNED = {
    "privileged": "access.privileged",
    "devices": "access.devices",
    "cap_add": "access.cap_add",
    "security_opt": "access.security_opt",
    "pid": "access.pid",
    "ipc": "access.ipc",
    "uts": "access.uts",
    "cgroup": "access.cgroupns_mode",
    "cgroupns_mode": "access.cgroupns_mode",
    "userns_mode": "access.userns_mode",
    "container_name": "service.container_name",
    "build": "compose.build",
}
"""What a service may not ask for, and the rule that says so."""


def compose_findings(package: Package) -> Findings:
    services = package.compose.get("services")
    if not isinstance(services, dict) or not package.services:
        yield Finding("compose.services", "there is no service")
        return
    for name in ("networks", "volumes"):
        if name in package.compose:
            yield Finding(f"compose.{name}", f"{name} at the top level")
    yield from _proxy(package)
    for name, service in package.services.items():
        for rule in _OF_A_SERVICE:
            yield from rule(package, name, service)
    yield from _variables(package)


def _proxy(package: Package) -> Findings:
    if package.proxy is None:
        yield Finding("app.launch", "without app_proxy the app cannot be opened")
        return
    if set(package.proxy) != {"environment"}:
        yield Finding("app.launch", "app_proxy has an environment and nothing else")
    given = package.proxy_environment
    host = str(given.get("APP_HOST"))
    known = {form for name in package.services for form in (name, f"{package.id}_{name}_1")}
    if not host.startswith("$") and host not in known:
        yield Finding("app_proxy.host", f"APP_HOST {host} is no container of this app")
    if not matches(r"\d+", given.get("APP_PORT")) or not 0 < int(given["APP_PORT"]) < 65536:
        yield Finding("app_proxy.port", "APP_PORT is no number of a port")
    if given.get("PROXY_AUTH_ADD", "true") not in ("true", "false"):
        yield Finding("app_proxy.auth", 'PROXY_AUTH_ADD is "true" or "false", quoted')
    for name in ("PROXY_AUTH_WHITELIST", "PROXY_AUTH_BLACKLIST"):
        paths = [one for one in re.split(r"[,\s]+", str(given.get(name, ""))) if one]
        if any(not one.startswith("/") or one in ("/", "/*", "/**") for one in paths):
            yield Finding("app_proxy.auth", f"{name} opens everything, or a path without /")


def _access(package: Package, name: str, service: Yaml) -> Findings:
    for key, rule in WARNED.items():
        if service.get(key):
            yield Finding(rule, f"{name} has {key}")
    if service.get("network_mode") == "host":
        yield Finding("access.host_network", f"{name} is on the host's network")
        host = str(package.proxy_environment.get("APP_HOST"))
        if host in (name, f"{package.id}_{name}_1"):
            yield Finding("app_proxy.host_network", f"app_proxy cannot find {name} on the host's network")


def _image(_: Package, name: str, service: Yaml) -> Findings:
    image = service.get("image")
    if not isinstance(image, str):
        yield Finding("image.type", f"{name} has no image")
        return
    if not re.fullmatch(IMAGE, image):
        yield Finding("image.pinned", f"{name}'s image is not registry/name:tag@sha256:digest")
    if re.search(r":latest(@|$)", image) or ":" not in PurePosixPath(image.split("@")[0]).name:
        yield Finding("image.latest", f"{name}'s image has no version of its own")


def _running(package: Package, name: str, service: Yaml) -> Findings:
    if service.get("restart") != "on-failure":
        yield Finding("service.restart", f"{name} restarts on-failure")
    wanted = service.get("depends_on") or {}
    for other in wanted:
        asked = wanted[other].get("condition") if isinstance(wanted, dict) else None
        there = package.services.get(other)
        if there is None or (asked == "service_healthy" and "healthcheck" not in there):
            yield Finding(
                "service.depends_on", f"{name} waits for {other}, which never says that it is healthy"
            )


def _ports(package: Package, name: str, service: Yaml) -> Findings:
    ports = service.get("ports") or []
    if not isinstance(ports, list):
        yield Finding("ports.type", f"{name}'s ports are no list")
        return
    for port in ports:
        text = str(port)
        if isinstance(port, dict) or not re.fullmatch(r"(\S+:)?\S+(/(tcp|udp))?", text):
            yield Finding("ports.format", f"{text} is not host:container")
        elif "$" in text:
            yield Finding("ports.unresolved", f"{text} is known on the box alone")
        elif ":" not in text:
            yield Finding("ports.explicit", f"{text} leaves the host's port to chance")
        else:
            outside = int(text.split("/", maxsplit=1)[0].split(":")[-2])
            if outside == package.manifest.get("port"):
                yield Finding("ports.app_proxy", f"{outside} is app_proxy's")
            if outside in package.ports:
                yield Finding("ports.unique", f"{outside} belongs to another app")


def _volumes(package: Package, name: str, service: Yaml) -> Findings:
    for volume in service.get("volumes") or []:
        if not isinstance(volume, str) or ":" not in volume:
            yield Finding("volumes.syntax", f"{name}: {volume} is not source:target")
            continue
        source = volume.split(":")[0]
        inside = re.fullmatch(r"\$\{?APP_DATA_DIR\}?(/.*)?", source)
        if "docker.sock" in volume:
            yield Finding("access.docker_socket", f"{name} has Docker's socket")
        elif inside and (inside[1] or "/").strip("/") == "":
            yield Finding("persistence.app_data_root", f"{name} mounts the whole of the app's data")
        elif inside and not (package.folder / str(inside[1]).strip("/")).exists():
            yield Finding("persistence.missing_source", f"{source} is not in the package: root would own it")
        elif source.startswith("/"):
            yield Finding("access.host_mount", f"{name} mounts {source} of the host")
        elif not source.startswith("$"):
            yield Finding("compose.volumes", f"{name}: {source} is a named volume")


def _hardened(package: Package, name: str, service: Yaml) -> Findings:
    if str(service.get("user")) != "1000:1000":
        yield Finding("service.user", f"{name} runs as 1000:1000, who owns the app's data")
    if not service.get("init"):
        yield Finding("service.init", f"{name} has nobody to reap")
    environment = environment_of(service)
    container = re.fullmatch(r"(\d+)m", str(service.get("mem_limit")))
    own = environment.get("SPOUT_MEMORY_LIMIT_MB")
    if container is None or not matches(r"\d+", own) or int(str(own)) >= int(container[1]):
        yield Finding("service.memory", "SPOUT_MEMORY_LIMIT_MB is not below the container's limit")
    if environment.get("SPOUT_TRUSTED_PROXIES") != f"{package.id}_app_proxy_1":
        yield Finding("service.trusted", "the app's own proxy, and nobody else, is trusted")
    logging = (service.get("logging") or {}).get("options") or {}
    if not {"max-size", "max-file"} <= set(logging):
        yield Finding("service.logging", f"{name}'s log grows without end")


def _variables(package: Package) -> Findings:
    """A variable that nobody exports, or not every app that stands in for a dependency, needs `:-`."""
    exported = {
        name for one in package.manifest.get("dependencies", []) for name in package.exported.get(one, ())
    }
    for service in (*package.services.values(), package.proxy or {}):
        for found in VARIABLE.finditer(_text_of(service)):
            name, default = found[1] or found[3], found[2] or ""
            if name not in ALWAYS | exported and not default.startswith(":-"):
                yield Finding("variables.unknown", f"{name} may be absent: ${{{name}:-...}}")


def _text_of(service: Yaml) -> str:
    return "\n".join(str(one) for one in (*environment_of(service).values(), *(service.get("volumes") or [])))


_OF_A_SERVICE: tuple[Callable[[Package, str, Yaml], Findings], ...] = (
    _access,
    _image,
    _running,
    _ports,
    _volumes,
    _hardened,
)
