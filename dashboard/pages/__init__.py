"""Every page that stands, in the order of the navigation. A page joins it when its capability does."""

from collections.abc import Callable
from dataclasses import dataclass

from dashboard.page import PageSources, SpoutPage
from dashboard.pages.accuracy import accuracy
from dashboard.pages.fees import fees
from dashboard.pages.history import history
from dashboard.pages.live import live
from dashboard.pages.settings import settings
from dashboard.pages.system import system
from dashboard.pages.wall import wall


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`compose` may be called in a thread, once a session. `navigated`: the navigation names it."""

    path: str
    name: str
    compose: Callable[[PageSources], SpoutPage]
    navigated: bool = True


PAGES = (
    Page(path="/", name="Live", compose=live),
    Page(path="/accuracy", name="Accuracy", compose=accuracy),
    Page(path="/history", name="History", compose=history),
    Page(path="/fees", name="Fees", compose=fees),
    Page(path="/system", name="System", compose=system),
    Page(path="/settings", name="Settings", compose=settings),
    Page(path="/wall", name="Wall", compose=wall, navigated=False),
)
