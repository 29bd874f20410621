"""Store packages that are broken in one way each, and the rule that each breaks."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Yaml = dict[str, Any]
MANIFEST, COMPOSE = "umbrel-app.yml", "docker-compose.yml"


@dataclass(frozen=True)
class Broken:
    rule: str
    in_manifest: Callable[[Yaml], object] = lambda _: None
    in_compose: Callable[[Yaml], object] = lambda _: None
    in_folder: Callable[[Path], object] = lambda _: None
    layout: str = "official"


def web(compose: Yaml) -> Yaml:
    found: Yaml = compose["services"]["web"]
    return found


def setting(name: str, value: object, rule: str | None = None, layout: str = "official") -> Broken:
    return Broken(
        rule or f"manifest.{name}", in_manifest=lambda manifest: manifest.update({name: value}), layout=layout
    )


def service(rule: str, **given: object) -> Broken:
    return Broken(rule, in_compose=lambda compose: web(compose).update(given))


def proxy(rule: str, **given: object) -> Broken:
    return Broken(
        rule, in_compose=lambda compose: compose["services"]["app_proxy"]["environment"].update(given)
    )


def widget(**given: object) -> Broken:
    return Broken("manifest.widgets", in_manifest=lambda manifest: manifest["widgets"][0].update(given))


def file(rule: str, name: str, text: str = "", mode: int = 0o644) -> Broken:
    def add(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)

    return Broken(rule, in_folder=add)


SAME = "ghcr.io/o/spout:0.1.0"
BROKEN = {
    "no developer": Broken("manifest.required", in_manifest=lambda manifest: manifest.pop("developer")),
    "no port": Broken("manifest.required", in_manifest=lambda manifest: manifest.pop("port")),
    "a version of four parts": setting("manifestVersion", "1.2.3.4", "manifest.version"),
    "a number for a version": setting("version", 1.0),
    "another id than the folder": setting("id", "sprout"),
    "capitals in the id": setting("id", "Spout"),
    "no such category": setting("category", "Bitcoin"),
    "an empty tagline": setting("tagline", ""),
    "a tagline with a full stop": setting("tagline", "See the whale before it surfaces."),
    "a long name": setting("name", "Spout " * 20),
    "a website without a scheme": setting("website", "spout.example"),
    "a repo of another scheme": setting("repo", "git@spout.example:source"),
    "support that is a mail address": setting("support", "help@spout.example"),
    "no submission": setting("submission", ""),
    "a switch that is a word": setting("torOnly", "no"),
    "a port as text": setting("port", "8411"),
    "umbrelOS's own port": setting("port", 2000),
    "mempool's port": setting("port", 3006, "manifest.port_unique"),
    "a path without a slash": setting("path", "dashboard"),
    "a dependency nobody has": setting("dependencies", ["mempool", "nodes"]),
    "depends on itself": setting("dependencies", ["mempool", "spout"]),
    "one dependency twice": setting("dependencies", ["mempool", "mempool"]),
    "implements itself": setting("implements", ["spout"]),
    "a permission nobody gives": setting("permissions", ["NETWORK"]),
    "downloads without a mount": setting("permissions", ["STORAGE_DOWNLOADS"], "permissions.downloads"),
    "a gallery of its own": setting("gallery", ["1.png"]),
    "an icon of its own": setting("icon", "https://spout.example/icon.svg"),
    "release notes of a new app": setting("releaseNotes", "New.", "manifest.release_notes"),
    "a community store's gallery by name": setting(
        "gallery", ["1.png", "2.png", "3.png"], layout="community"
    ),
    "a community store without an icon": setting("icon", "", layout="community"),
    "leaves out the whole data": setting("backupIgnore", ["data"], "manifest.backup_ignore"),
    "leaves out what is not its own": setting("backupIgnore", ["../other"], "manifest.backup_ignore"),
    "four widgets": Broken(
        "manifest.widgets",
        in_manifest=lambda one: one["widgets"].append({**one["widgets"][0], "id": "fourth"}),
    ),
    "two widgets of one id": Broken(
        "manifest.widgets", in_manifest=lambda one: one["widgets"][1].update(id=one["widgets"][0]["id"])
    ),
    "a widget of no type": widget(type="five-stats"),
    "a widget with a scheme": widget(endpoint="http://web:8411/api/v1/widgets/latest-whales"),
    "a widget of no service": widget(endpoint="server:8411/api/v1/widgets/latest-whales"),
    "a widget that is never renewed": widget(refresh="often"),
    "a widget's example without refresh": widget(example={"type": "list", "items": []}),
    "a widget without a link": Broken(
        "manifest.widgets", in_manifest=lambda one: one["widgets"][0].pop("link")
    ),
    "three of four stats": Broken(
        "manifest.widgets", in_manifest=lambda one: one["widgets"][1]["example"]["items"].pop()
    ),
    "no service": Broken("compose.services", in_compose=lambda compose: compose["services"].pop("web")),
    "a network": Broken("compose.networks", in_compose=lambda compose: compose.update(networks={"own": {}})),
    "a volume": Broken("compose.volumes", in_compose=lambda compose: compose.update(volumes={"own": {}})),
    "built on the box": service("compose.build", build="."),
    "no app_proxy": Broken("app.launch", in_compose=lambda compose: compose["services"].pop("app_proxy")),
    "app_proxy with an image": Broken(
        "app.launch", in_compose=lambda compose: compose["services"]["app_proxy"].update(image="nginx")
    ),
    "app_proxy before nobody": proxy("app_proxy.host", APP_HOST="spout_server_1"),
    "app_proxy without a port": proxy("app_proxy.port", APP_PORT="http"),
    "a login switched by yes": proxy("app_proxy.auth", PROXY_AUTH_ADD="yes"),
    "everything without a login": proxy("app_proxy.auth", PROXY_AUTH_WHITELIST="/*"),
    "no image": service("image.type", image=None),
    "no digest": service("image.pinned", image=SAME),
    "half a digest": service("image.pinned", image=f"{SAME}@sha256:{'a' * 32}"),
    "the latest": service("image.latest", image=f"ghcr.io/o/spout:latest@sha256:{'a' * 64}"),
    "always restarted": service("service.restart", restart="always"),
    "waits for nobody": service("service.depends_on", depends_on={"db": {"condition": "service_healthy"}}),
    "a name of its own": service("service.container_name", container_name="spout"),
    "app_proxy's port": service("ports.app_proxy", ports=["8411:8411"]),
    "another app's port": service("ports.unique", ports=["3006:8411"]),
    "any port": service("ports.explicit", ports=["8411"]),
    "a port by variable": service("ports.unresolved", ports=["${APP_PORT}:8411"]),
    "a port in long form": service("ports.format", ports=[{"target": 8411, "published": 8411}]),
    "ports that are no list": service("ports.type", ports="8411:8411"),
    "privileged": service("access.privileged", privileged=True),
    "on the host's network": service("access.host_network", network_mode="host"),
    "app_proxy before the host's network": service("app_proxy.host_network", network_mode="host"),
    "a device": service("access.devices", devices=["/dev/dri:/dev/dri"]),
    "a capability": service("access.cap_add", cap_add=["NET_ADMIN"]),
    "a security option": service("access.security_opt", security_opt=["no-new-privileges:true"]),
    "the host's processes": service("access.pid", pid="host"),
    "the host's memory": service("access.ipc", ipc="host"),
    "the host's name": service("access.uts", uts="host"),
    "the host's cgroups": service("access.cgroupns_mode", cgroupns_mode="host"),
    "the host's users": service("access.userns_mode", userns_mode="host"),
    "Docker's socket": service("access.docker_socket", volumes=["/var/run/docker.sock:/var/run/docker.sock"]),
    "the host's files": service("access.host_mount", volumes=["/etc:/etc"]),
    "a volume in long form": service("volumes.syntax", volumes=[{"type": "bind"}]),
    "the whole of the app's data": service("persistence.app_data_root", volumes=["${APP_DATA_DIR}:/data"]),
    "a folder that root would own": service(
        "persistence.missing_source", volumes=["${APP_DATA_DIR}/db:/data"]
    ),
    "as root": service("service.user", user="0:0"),
    "nobody to reap": service("service.init", init=False),
    "no limit of memory": service("service.memory", mem_limit="300m"),
    "everybody trusted": Broken(
        "service.trusted",
        in_compose=lambda one: web(one)["environment"].update(SPOUT_TRUSTED_PROXIES="10.21.0.0/16"),
    ),
    "an endless log": service("service.logging", logging={"driver": "json-file"}),
    "a variable that Knots lacks": Broken(
        "variables.unknown",
        in_compose=lambda one: web(one)["environment"].update(X="tcp://host:${APP_BITCOIN_ZMQ_HASHTX_PORT}"),
    ),
    "a variable that nobody has": Broken(
        "variables.unknown", in_compose=lambda one: web(one)["environment"].update(X="$APP_MEMPOOL_NODE_IP")
    ),
    "a database in the package": file("package.runtime_artifact", "data/spout.db"),
    "a picture in the package": file("package.review_assets", "data/gallery-1.png"),
    "a template too deep": file("templates.location", "data/conf.template"),
    "a rendered template": Broken(
        "templates.rendered_output",
        in_folder=lambda folder: [(folder / name).touch() for name in ("conf.template", "conf")],
    ),
    "a file no update brings": file("app.top_level", "notes.txt"),
    "a link": Broken("package.symlink", in_folder=lambda folder: (folder / "data/link").symlink_to("/etc")),
    "a hook nobody calls": file("hooks.name", "hooks/after-start", "#!/bin/sh\n", 0o755),
    "a hook that cannot run": file("hooks.executable", "hooks/pre-start", "#!/bin/sh\n"),
    "a hook without an interpreter": file("hooks.shebang", "hooks/pre-start", "true\n", 0o755),
    "exports that end umbrelOS's shell": file("exports.exit", "exports.sh", "exit 0\n"),
    "exports that walk away": file("exports.cd", "exports.sh", "cd /tmp\n"),
    "exports that set options": file("exports.shell_options", "exports.sh", "set -x\n"),
    "exports that start something": file("exports.lifecycle", "exports.sh", "docker ps\n"),
    "exports that are a program": file("exports.executable", "exports.sh", "A=1\n", 0o755),
    "exports with an interpreter": file("exports.shebang", "exports.sh", "#!/bin/sh\nA=1\n"),
    "not to be read": Broken(
        "yaml.parse", in_folder=lambda folder: (folder / MANIFEST).write_text("a: [", "utf-8")
    ),
    "a manifest that is a list": Broken(
        "manifest.type", in_folder=lambda folder: (folder / MANIFEST).write_text("- a", "utf-8")
    ),
    "a compose file that is a list": Broken(
        "compose.type", in_folder=lambda folder: (folder / COMPOSE).write_text("- a", "utf-8")
    ),
    "no compose file": Broken("compose.missing", in_folder=lambda folder: (folder / COMPOSE).unlink()),
    "no manifest": Broken("app.unknown", in_folder=lambda folder: (folder / MANIFEST).unlink()),
}
