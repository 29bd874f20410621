"""What we rest on in Panel and Bokeh that is not promised, each with its reason; and what no page may have.

Run after every upgrade of the pair: what fails here is what moving on costs.
"""

import gc
import inspect
import re
import subprocess
import sys

import pytest
from bokeh.document import Document
from bokeh.models import CustomJS, ImportedStyleSheet
from bokeh.server.urls import per_app_patterns
from panel.custom import JSComponent, ReactiveESM
from panel.io.application import Application
from panel.io.resources import DIST_DIR, LOCAL_DIST
from panel.io.state import state
from panel.models.reactive_html import ReactiveHTML
from panel.template.base import BaseTemplate

from dashboard.application import PageApplication
from dashboard.assets import LIBRARIES, STATIC
from dashboard.build import PageOptions, build_pages
from tests.browser.sea import Sea

RENDER = """
function render(id) {
  const view = Bokeh.index.find_one_by_id(id)
  if (view == null) {
    return null
  }

  const output = view.render_fn({
    view: view, model: view.model_proxy, data: view.model.data, el: view.container
  })

  Promise.resolve(output).then((out) => {
    if (out instanceof Element) {
      view.container.replaceChildren(out)
    }
    view.after_rendered()
  })
}

export default {render}"""
FOREIGN = re.compile(r"https?://(?!www\.w3\.org)")


def applications() -> dict[str, PageApplication]:
    sea = Sea()
    return build_pages(sea.live, sea.past, PageOptions(version="1")).applications


@pytest.fixture(scope="module")
def documents() -> dict[str, Document]:
    """Every page, as a session of it is."""
    made = {}
    for path, application in applications().items():
        made[path] = Document()
        application.initialize_document(made[path])
        assert made[path].roots, f"{path} was not made"
    return made


def test_panels_wrapper_is_the_one_that_panel_js_of_ours_has_instead_of_the_blob() -> None:
    """Panel imports a component's `render` through a blob, which our policy forbids; ours is the same."""
    assert RENDER in (DIST_DIR / "panel.js").read_text()
    ours = re.sub(r"//.*", "", (STATIC / "panel.js").read_text())
    assert (
        "view.render_fn({ view, model: view.model_proxy, data: view.model.data, el: view.container })" in ours
    )


def test_a_component_is_loaded_by_its_address_when_its_bundle_is_called_url() -> None:
    """`FileComponent._get_properties` sets it, also in a document that has no session."""
    source = (DIST_DIR / "panel.js").read_text()

    assert re.search(r"""bundle\s*={2,3}\s*['"]url['"]""", source)
    assert re.search(r"importShim\(url\)", source)


def test_a_components_properties_are_made_in_one_place() -> None:
    """What `FileComponent` overrides."""
    assert "bundle" in inspect.getsource(ReactiveESM._get_properties)
    assert issubclass(JSComponent, ReactiveESM)


def test_a_template_names_its_roots_in_a_method_of_its_own() -> None:
    """`SpoutPage` names them after their places, by which the browser finds them."""
    source = inspect.getsource(BaseTemplate._init_doc)

    assert "self._apply_root(name, model, tags)" in source
    assert "self._render_items.items()" in source


def test_notifications_are_looked_up_by_the_document() -> None:
    """Ours stand there instead of Panel's own area, which is ReactiveHTML."""
    assert "_notifications" in inspect.getsource(type(state).notifications.fget)  # type: ignore[arg-type]


def test_a_session_is_composed_after_it_is_created_so_that_a_thread_can_do_it_before() -> None:
    """`PageApplication.on_session_created` composes; `_fill`, called next, finds it done."""
    assert inspect.iscoroutinefunction(Application.on_session_created)
    assert hasattr(Application, "_set_session_prefix")


def test_a_lost_line_that_is_closed_sends_nothing_and_is_not_taken_up_by_bokeh_itself() -> None:
    """`lost` in our panel.js closes it: its listener goes, and Bokeh's tries, which redraw the page, end."""
    source = LIBRARIES["bokeh.min.js"].with_name("bokeh.js").read_text()
    closes = r"closed_permanently = true;.{0,250}this\.session\._connection_closed\(\)"

    assert re.search(closes, source, re.DOTALL)
    assert re.search(r"_connection_closed\(\) \{\s+this\.document\.remove_on_change", source)
    assert re.search(r"_try_reconnect\([^)]*\) \{\s+if \(this\.closed_permanently\) \{", source)


def test_a_button_held_still_is_a_press_after_a_time_that_stands_in_one_place() -> None:
    """panel.js sets it so high that a held button still draws a brush; no figure here knows a press."""
    source = LIBRARIES["bokeh.min.js"].with_name("bokeh.js").read_text()

    assert '"core/ui_gestures":' in source
    assert "setTimeout(() => this._pointer_timeout(), UIGestures.press_threshold)" in source


def test_the_patterns_of_each_application_are_a_list_that_can_be_replaced() -> None:
    """`app.web.bokeh_app` puts its own handlers there."""
    assert isinstance(per_app_patterns, list)


def test_no_page_has_what_needs_unsafe_eval(documents: dict[str, Document]) -> None:
    for path, document in documents.items():
        bad = [one for one in document.models if isinstance(one, CustomJS | ReactiveHTML)]

        assert not bad, f"{path}: {bad}"


def test_no_page_names_another_host(documents: dict[str, Document]) -> None:
    for path, document in documents.items():
        urls = [one.url for one in document.models if isinstance(one, ImportedStyleSheet)]

        assert all(url.startswith((LOCAL_DIST, "./")) for url in urls), f"{path}: {urls}"
        assert not FOREIGN.search(str(document.to_json(deferred=False)["roots"])), path


async def test_no_text_or_frozen_document_of_a_page_names_another_host() -> None:
    for path, application in applications().items():
        text = await application.html("token")

        assert not re.findall(r"""(?:src|href)=["']https?://""", text), path
        for body in application._documents.values():
            assert not FOREIGN.search(body.decode()), path


def test_pandas_is_not_loaded_by_the_pages() -> None:
    """It takes 36 MB and a quarter of a second; Panel loads it where a Tabulator is made."""
    code = """
import asyncio, sys
from dashboard import PageOptions, build_pages
from tests.browser.sea import Sea
sea = Sea()
pages = build_pages(sea.live, sea.past, PageOptions(version="1"))
for page in pages.applications.values():
    asyncio.run(page.html("token"))
print("pandas" in sys.modules)
"""

    assert subprocess.check_output([sys.executable, "-c", code], text=True).split()[-1] == "False"


async def test_what_a_page_was_learned_from_is_let_go_of() -> None:
    """Panel's registers hold a document until its session ends; this one has none, so we end it ourselves."""
    before = {id(one) for one in gc.get_objects() if isinstance(one, Document)}
    for application in applications().values():
        await application.prepare()

    gc.collect()
    left = [one for one in gc.get_objects() if isinstance(one, Document) and id(one) not in before]
    assert left == []
