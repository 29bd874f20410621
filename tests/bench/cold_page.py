"""`python cold_page.py` in a checkout, of now or before: one cold load of its Live page, as a line of JSON.

`first_paint` and `rows` in ms from the navigation on, of a page that somebody has asked for before: what the
first visitor after a start waits for is its composition. Called with `-P`: a file beside it is called
`dashboard` too.
"""

import asyncio
import json
import time

import httpx

from tests.browser.conftest import a_browser, watched
from tests.browser.preview import served
from tests.browser.scenes import harbour
from tests.browser.sea import Sea

PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


async def main() -> None:
    sea = Sea()
    harbour(sea)
    async with a_browser() as browser, served(sea) as (address, _):
        async with httpx.AsyncClient(trust_env=False) as first:
            (await first.get(f"{address}/")).raise_for_status()
        await (await browser.new_page()).goto("about:blank")  # the browser itself is warm
        page = await (await browser.new_context(viewport={"width": 1440, "height": 900})).new_page()
        begin = time.monotonic()
        tab = watched(page, address)
        await page.goto(address, wait_until="commit")  # by its load event all charts' scripts are there too
        await tab.ready()
        rows = (time.monotonic() - begin) * 1000
        print(json.dumps({"first_paint": await page.evaluate(PAINTED), "rows": rows}))


if __name__ == "__main__":
    asyncio.run(main())
