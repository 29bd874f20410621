"""Packages whose `__init__` imports a submodule only when one of its names is used (PEP 562)."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import MetaPathFinder
from typing import Any


def lazily(package: str, rooms: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package; `rooms` maps a module to the names it exports.

    `/healthz` answers before DuckDB, Panel or the sources are imported: an `__init__` that imported its
    submodules would load them all.
    """
    where = {name: module for module, names in rooms.items() for name in names}

    def find(name: str) -> Any:  # noqa: ANN401 - whatever the room offers
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(import_module(where[name]), name)
        setattr(sys.modules[package], name, found)
        return found

    return find


@contextmanager
def not_installed(*packages: str) -> Iterator[None]:
    """Meanwhile, importing them fails as if they were not there: a library that can do without them does.

    Nothing changes for one that was imported before.
    """
    hides = _Hides(packages)
    sys.meta_path.insert(0, hides)
    try:
        yield
    finally:
        sys.meta_path.remove(hides)


class _Hides(MetaPathFinder):
    def __init__(self, packages: Sequence[str]) -> None:
        self._packages = frozenset(packages)

    def find_spec(self, fullname: str, _path: object, _target: object = None) -> None:
        """Find nothing, and say so of a package to be hidden: else the next finder is asked."""
        if fullname in self._packages:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
