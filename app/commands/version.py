"""`spout version`."""

from importlib.metadata import PackageNotFoundError, version

import typer


def print_version() -> None:
    """Print the version."""
    typer.echo(own_version())


def own_version() -> str:
    """As installed; "unknown" from a folder that nobody installed."""
    try:
        return version("spout")
    except PackageNotFoundError:
        return "unknown"
