"""The pages in the browser."""

from typing import TYPE_CHECKING

from app.front_door import lazily

if TYPE_CHECKING:
    from dashboard.build import PageOptions as PageOptions
    from dashboard.build import build_pages as build_pages
    from dashboard.log_tail import LogTail as LogTail

__getattr__ = lazily(
    __name__,
    {
        "dashboard.log_tail": ("LogTail",),
        "dashboard.build": (
            "PageOptions",
            "build_pages",
        ),
    },
)
