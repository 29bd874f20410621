"""What a session's document says first is made beforehand, in the thread that composed it."""

import panel as pn
from bokeh.document import Document
from bokeh.models import Range1d

from dashboard import PageOptions, build_pages
from dashboard.figures import plain_figure
from dashboard.page import PageSources, SpoutPage
from dashboard.pages import Page
from tests.browser.sea import Sea


def a_page(_: PageSources) -> SpoutPage:
    page = SpoutPage(title="Own")
    page.add_section("own", "Own", chart=pn.pane.Bokeh(plain_figure("own", height=90, x_range=Range1d(0, 1))))
    return page


def composed() -> Document:
    sea = Sea()
    own = Page(path="/own", name="Own", compose=a_page)
    pages = build_pages(sea.live, sea.past, PageOptions(version="1", pages=(own,)))
    document = Document()
    pages.applications["/own"].initialize_document(document)
    return document


def ends_of(document: Document) -> str:
    return str(document.to_json().content["roots"])


def test_what_the_browser_asks_for_first_is_what_was_composed() -> None:
    document = composed()

    assert ends_of(document) == ends_of(document)  # the first is from before, the second made now


def test_what_changed_before_the_browser_asked_is_in_it() -> None:
    document = composed()
    figure = document.get_model_by_name("own")
    assert figure is not None
    figure.x_range.end = 777

    assert "777" in ends_of(document)
