"""`python cold_page.py` in a checkout, of now or before: one cold load of its Live page, as a line of JSON.

`first_paint` and `rows` (the first is there) in ms from the navigation on, by the page's own clock: asked
from outside, the answer would wait for the charts' scripts, which come after the rows. Of a page that
somebody has asked for before: what the first visitor after a start waits for is its composition. Called with
`-P`: a file beside it is called `dashboard` too.
"""

import asyncio
import json

import httpx

from tests.browser.conftest import a_browser, until, watched
from tests.browser.preview import served
from tests.browser.scenes import harbour
from tests.browser.sea import Sea

MARK_FIRST_ROW = """
new MutationObserver((_, watching) => {
  if (!document.querySelector('#pending .row[data-id]')) return;
  window.firstRow = performance.now();
  watching.disconnect();
}).observe(document, { childList: true, subtree: true });
"""
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


async def main() -> None:
    sea = Sea()
    harbour(sea)
    async with a_browser() as browser, served(sea) as (address, _):
        async with httpx.AsyncClient(trust_env=False, timeout=60) as first:
            (await first.get(f"{address}/")).raise_for_status()
        await (await browser.new_page()).goto("about:blank")  # the browser itself is warm
        page = await (await browser.new_context(viewport={"width": 1440, "height": 900})).new_page()
        await page.add_init_script(MARK_FIRST_ROW)
        tab = watched(page, address)
        await page.goto(address, wait_until="commit")  # by its load event all charts' scripts are there too
        await tab.ready()
        await until(page, "window.firstRow > 0")
        figures = {"first_paint": PAINTED, "rows": "window.firstRow"}
        print(json.dumps({name: await page.evaluate(script) for name, script in figures.items()}))


if __name__ == "__main__":
    asyncio.run(main())
