"""What is shipped with the program."""

from importlib.resources import files


def entities_table() -> str:
    """Return the text of the shipped table; `app.core.flow.parse_table` reads it.

    It is in two files of the same columns: what was checked by hand, and what was taken over from others'
    lists under the MIT licence. docs/flow.md names the lists.
    """
    checked, taken_over = (
        files(__name__).joinpath(name).read_text(encoding="utf-8")
        for name in ("entities.csv", "more_entities.csv")
    )
    return checked + taken_over.split("\n", 1)[1]


def demo_labels() -> str:
    """Return the demo's labels, in the operator's own format: two wallets of its chain play exchanges."""
    return files(__name__).joinpath("demo.labels.csv").read_text(encoding="utf-8")
