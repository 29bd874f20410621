import gc
import gzip
import json
import re

from bokeh.core.validation import check_integrity
from bokeh.document import Document
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from dashboard.assets import BOKEH_JS, STATIC, TEMPLATES
from dashboard.pages import PAGES, PageOptions, _words, build
from tests.browser.preview import served
from tests.browser.sea import Sea

FOREIGN = re.compile(r"""(?:src|href|url|from|import)\s*[=(:]?\s*["'(]\s*(?:https?:)?//""")


def documents() -> int:
    gc.collect()
    return sum(isinstance(one, Document) for one in gc.get_objects())


def test_the_pages_that_stand_are_mounted_and_no_other() -> None:
    sea = Sea()

    assert set(build(sea.live, sea.past, PageOptions(version="1")).applications) == {"/", "/system"}


def test_nothing_from_the_settings_can_end_the_script_element() -> None:
    words = _words(PageOptions(version="</script><script>alert(1)</script>"), "x")

    assert "</script" not in words
    assert json.loads(words)["version"].startswith("</script>")


def test_only_a_web_address_becomes_a_link_to_the_explorer() -> None:
    assert (
        json.loads(_words(PageOptions(version="1", explorer_url="javascript:alert(1)"), "x"))["explorer"]
        is None
    )


def test_no_asset_names_a_foreign_host() -> None:
    files = [*STATIC.rglob("*.js"), *STATIC.rglob("*.css"), *TEMPLATES.rglob("*.html")]

    assert files
    assert [file.name for file in files if FOREIGN.search(file.read_text())] == []


async def test_a_page_is_written_without_making_a_session() -> None:
    async with served(Sea()) as (address, _):
        before = documents()
        await AsyncHTTPClient().fetch(address)

        assert documents() == before


async def test_the_only_script_of_bokeh_comes_compressed_and_can_be_kept_for_ever() -> None:
    async with served(Sea()) as (address, _):
        page = (await AsyncHTTPClient().fetch(address)).body.decode()
        (name,) = set(re.findall(r"""["'](ui/[0-9a-f]{12}/bokeh[^"']*\.min\.js)["']""", page))
        asked = HTTPRequest(
            f"{address}/{name}", headers={"Accept-Encoding": "gzip"}, decompress_response=False
        )
        answer = await AsyncHTTPClient().fetch(asked)

    assert "static/" not in page
    assert gzip.decompress(answer.body) == BOKEH_JS.read_bytes()
    assert "immutable" in answer.headers["Cache-Control"]


def test_the_charts_of_every_page_are_sound() -> None:
    for page in PAGES:
        document = Document()
        for chart in page.charts:
            document.add_root(chart())
        document.validate()

        assert not check_integrity(list(document.models)).error


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
        name = re.search(r'src="(ui/[0-9a-f]{12}/live\.js)"', page)
        assert name
        answer = await AsyncHTTPClient().fetch(f"{address}/{name[1]}")

    assert "immutable" in answer.headers["Cache-Control"]
