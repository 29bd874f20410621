"""What is shipped with the program."""

from importlib.resources import files


def entities_table() -> str:
    """Return the text of the shipped table; `app.core.labels.parse_table` reads it."""
    return files(__name__).joinpath("entities.csv").read_text(encoding="utf-8")


def demo_labels() -> str:
    """Return the demo's labels, in the operator's own format: two wallets of its chain play exchanges."""
    return files(__name__).joinpath("demo.labels.csv").read_text(encoding="utf-8")
