import gc
import gzip
import json
import re

import pytest
from bokeh.core.validation import check_integrity
from bokeh.document import Document
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from dashboard.assets import COMPONENTS, LIBRARIES, STATIC, TEMPLATES
from dashboard.build import PageOptions, _words, build_pages
from dashboard.page import PageSources, SpoutPage
from dashboard.pages import PAGES, Page
from tests.browser.preview import served
from tests.browser.sea import Sea

FOREIGN = re.compile(r"""(?:src|href|url|from|import)\s*[=(:]?\s*["'(]\s*(?:https?:)?//""")


VISITS = 10


def documents() -> int:
    gc.collect()
    return sum(isinstance(one, Document) for one in gc.get_objects())


def test_the_pages_that_stand_are_mounted_and_no_other() -> None:
    sea = Sea()

    pages = build_pages(sea.live, sea.past, PageOptions(version="1"))

    assert set(pages.applications) == {"/", "/accuracy", "/history", "/fees", "/settings", "/system", "/wall"}


def test_nothing_from_the_settings_can_end_the_script_element() -> None:
    words = _words(PageOptions(version="</script><script>alert(1)</script>"), "x")

    assert "</script" not in words
    assert json.loads(words)["version"].startswith("</script>")


def test_only_a_web_address_becomes_a_link_to_the_explorer() -> None:
    assert (
        json.loads(_words(PageOptions(version="1", explorer_url="javascript:alert(1)"), "x"))["explorer"]
        is None
    )


async def preloaded_by_live() -> list[str]:
    sea = Sea()
    pages = build_pages(sea.live, sea.past, PageOptions(version="1"))
    return re.findall(r'modulepreload" href="[^"]*/(\w+/\w+\.js)"', await pages.applications["/"].html(""))


async def test_what_opens_the_feeds_line_is_loaded_before_what_draws_its_rows() -> None:
    named = await preloaded_by_live()

    assert named.index("static/feed.js") < min(
        at for at, name in enumerate(named) if name.startswith("components/")
    )


async def test_charts_the_whales_card_and_panel_are_not_asked_for_before_the_rows() -> None:
    named = await preloaded_by_live()

    assert "components/whale_table.js" in named
    assert not {"static/panel.js", "static/charts.js", "components/drawer.js", "static/chime.js"} & set(named)


async def test_what_comes_after_the_rows_is_named_whole_so_that_no_import_waits_for_another() -> None:
    sea = Sea()
    pages = build_pages(sea.live, sea.past, PageOptions(version="1"))
    text = await pages.applications["/"].html("")
    named = re.findall(r'"ui/\w+/(\w+/\w+\.js)"', text.partition('"later":')[2].partition("]")[0])

    assert {"static/panel.js", "static/charts.js", "components/drawer.js", "static/chime.js"} <= set(named)
    assert not set(named) & set(await preloaded_by_live())


def test_no_asset_names_a_foreign_host() -> None:
    files = [
        *COMPONENTS.rglob("*.js"),
        *STATIC.rglob("*.js"),
        *STATIC.rglob("*.css"),
        *TEMPLATES.rglob("*.html"),
    ]

    assert files
    assert [file.name for file in files if FOREIGN.search(file.read_text())] == []


async def test_a_page_is_written_without_making_a_session() -> None:
    async with served(Sea()) as (address, _):
        await AsyncHTTPClient().fetch(address)  # composes them, once
        before = documents()
        for _ in range(VISITS):
            await AsyncHTTPClient().fetch(address)

        assert documents() - before < VISITS  # others of this process may make one meanwhile, not one a visit


async def test_a_library_comes_compressed_and_can_be_kept_for_ever() -> None:
    async with served(Sea()) as (address, _):
        page = (await AsyncHTTPClient().fetch(address)).body.decode()
        (name,) = set(re.findall(r"""["'](ui/[0-9a-f]{12}/lib/bokeh\.min\.js)["']""", page))
        asked = HTTPRequest(
            f"{address}/{name}", headers={"Accept-Encoding": "gzip"}, decompress_response=False
        )
        answer = await AsyncHTTPClient().fetch(asked)

    assert gzip.decompress(answer.body) == LIBRARIES["bokeh.min.js"].read_bytes()
    assert "immutable" in answer.headers["Cache-Control"]


def test_the_documents_of_all_pages_are_sound() -> None:
    sea = Sea()
    pages = build_pages(sea.live, sea.past, PageOptions(version="1"))
    for page in pages.applications.values():
        document = Document()
        page.initialize_document(document)
        document.validate()

        assert document.roots
        assert not check_integrity(list(document.models)).error


@pytest.mark.parametrize(
    "name", ["../build.py", "static/../build.py", "components/base.py", "lib/x.js", "x.js"]
)
async def test_nothing_but_what_a_browser_needs_is_served(name: str) -> None:
    async with served(Sea()) as (address, _):
        page = (await AsyncHTTPClient().fetch(address)).body.decode()
        room = re.search(r"ui/[0-9a-f]{12}", page)
        assert room
        answer = await AsyncHTTPClient().fetch(f"{address}/{room[0]}/{name}", raise_error=False)

    assert answer.code == 404


def broken(_: PageSources) -> SpoutPage:
    raise RuntimeError("a secret path: /data/key")


async def test_a_page_that_cannot_be_composed_is_a_card_without_a_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pages = (*PAGES, Page(path="/broken", name="Broken", compose=broken))
    async with served(Sea(), pages=pages) as (address, _):
        answer = await AsyncHTTPClient().fetch(f"{address}/broken")

    assert b"This page could not be made" in answer.body
    assert b"/data/key" not in answer.body
    assert "page not composed: /broken" in caplog.text


async def test_the_first_page_says_demo_without_any_script() -> None:
    async with served(Sea(demo=True)) as (address, _):
        answer = await AsyncHTTPClient().fetch(address)

    assert b'data-tone="demo"' in answer.body


async def test_no_page_names_a_foreign_host() -> None:
    async with served(Sea()) as (address, _):
        bodies = [(await AsyncHTTPClient().fetch(address + path)).body.decode() for path in ("/", "/system")]

    hosts = {host for body in bodies for host in re.findall(r"""(?:src|href)=["'](https?://[^/"']+)""", body)}
    assert hosts == set()


async def test_every_asset_can_be_kept_for_ever_under_its_fingerprint() -> None:
    async with served(Sea()) as (address, _):
        page = (await AsyncHTTPClient().fetch(address)).body.decode()
        name = re.search(r'src="(ui/[0-9a-f]{12}/static/page\.js)"', page)
        assert name
        answer = await AsyncHTTPClient().fetch(f"{address}/{name[1]}")

    assert "immutable" in answer.headers["Cache-Control"]
