"""Runs in the image, on its own Python: imports all of Spout, then names each package that nothing imported.

Also what each kind of alert brings along: Apprise loads its plugins when they are asked for.
"""

import importlib
import importlib.metadata
import pkgutil
import sys

LATER = {
    "zoneinfo": ("tzdata",),
    "apprise.cli": ("click",),
    "panel": ("panel.pane", "markdown", "markdown_it", "mdit_py_plugins", "linkify_it", "nh3", "mdurl"),
    "duckdb": ("pytz",),
    "app.api.tokens": ("jwt",),
    "app.source.bitcoind.zmq_feed": ("zmq",),
    "notifiers.sealing": ("cryptography.hazmat.primitives.ciphers.aead",),
}
"""What a library, or a module of ours, imports when it is used, not when it is imported."""


def main() -> None:
    for top in ("app", "dashboard", "notifiers"):
        package = importlib.import_module(top)
        for module in pkgutil.walk_packages(package.__path__, f"{top}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    for names in LATER.values():
        for name in names:
            importlib.import_module(name)
    used = {name.split(".", maxsplit=1)[0] for name in sys.modules}
    shipped = {
        distribution
        for distribution in importlib.metadata.distributions(path=["/opt/spout"])
        if distribution.name != "spout"
    }
    for distribution in shipped:
        if (
            not {str(path).split("/", maxsplit=1)[0].split(".")[0] for path in distribution.files or ()}
            & used
        ):
            print(distribution.name)


main()
