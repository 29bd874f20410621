"""Panel's queue of messages to a browser, mended: a message queued while the one before goes out is sent too.

Panel queues what changes while the socket is being written to, and sends it in a task each. When one task
ends it takes the document's mark away, also where more was queued meanwhile; the task of that finds no mark
and leaves it lying until something else is changed: the page stays as it was (Panel 1.9,
panel/io/document.py). Here the mark is put back and the queue is sent.
"""

from bokeh.document import Document
from panel.io import document as panels

_send_queued = panels._dispatch_msgs  # noqa: SLF001 - the contract's test has it


async def send_all_queued(document: Document) -> None:
    """Send what is queued for the document's browsers, until nothing is left or another task sends it."""
    await _send_queued(document)  # type: ignore[no-untyped-call]  # the library has no types
    while document in panels._WRITE_MSGS and document not in panels._WRITE_BLOCK:  # noqa: SLF001 - as above
        panels._WRITE_BLOCK[document] = True  # noqa: SLF001 - as above
        await _send_queued(document)  # type: ignore[no-untyped-call]  # the library has no types


def install() -> None:
    """Make Panel send so, in every document of this process; once more does nothing else."""
    panels._dispatch_msgs = send_all_queued  # noqa: SLF001 - as above
