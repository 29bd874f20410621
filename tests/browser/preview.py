"""A small server for the pages alone: `python -m tests.browser.preview [PORT]` shows a living sea.

It mounts the pages as the appliance does: headers, nonce, Host check.
"""

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from app.core.classification import Flow
from app.web.sockets import LoginRequiredWebSocket
from dashboard.build import PageOptions, Pages, build_pages
from dashboard.gallery.serving import serving
from tests.browser.scenes import EXCHANGES, harbour
from tests.browser.sea import Sea, a_whale, blocks


@asynccontextmanager
async def served(
    sea: Sea,
    port: int = 0,
    *,
    unused_seconds: float = 15,
    token_seconds: int = 300,
    ahead: bool = False,
    **options: Any,
) -> AsyncIterator[tuple[str, Pages]]:
    """Serve the pages over `sea` on a loopback port, as the appliance mounts them; yields the address.

    `ahead`: once all pages are composed, as of an appliance that runs; else each when it is first asked for.
    """
    pages = build_pages(
        sea.live,
        sea.past,
        PageOptions(
            **{
                "version": "test",
                "explorer_url": "http://umbrel.local:3006",
                "door": LoginRequiredWebSocket,
            }
            | options
        ),
    )
    lifetime = round(unused_seconds * 1000)
    async with serving(
        pages,
        port,
        ahead=ahead,
        token_seconds=token_seconds,
        unused_session_lifetime_milliseconds=lifetime,
        check_unused_sessions_milliseconds=lifetime // 2,
    ) as address:
        yield address, pages


async def swim(sea: Sea) -> None:
    """Let the sea live: whales come, are bumped, confirm with a block every half minute."""
    chance = random.Random()
    number = 0
    while True:
        await asyncio.sleep(chance.uniform(0.5, 4))
        sea.now = datetime.now(UTC)
        number += 1
        roll = chance.random()
        pending = sea.snapshot.pending
        if roll < 0.5 or not pending:
            flow = chance.choice(list(Flow))
            sea.appear(
                a_whale(
                    f"live{number}{chance.random()}",
                    round(100 + chance.expovariate(1 / 300), 2),
                    sea.now,
                    flow=flow,
                    source=chance.choice(EXCHANGES) if flow not in {Flow.INFLOW, Flow.UNKNOWN} else None,
                    target=chance.choice(EXCHANGES) if flow not in {Flow.OUTFLOW, Flow.UNKNOWN} else None,
                    rate=round(chance.lognormvariate(1.1, 0.6), 2),
                    ahead=chance.choice((1, 1, 2, 3, 6)),
                )
            )
        elif roll < 0.8:
            sea.show(queue=blocks(chance.uniform(0.8, 1.3)))
        elif roll < 0.9:
            sea.bump(chance.choice(pending), rate=20, ahead=1)
        else:
            sea.block(*chance.sample(pending, min(len(pending), 3)))


async def main(port: int) -> None:
    sea = Sea(demo="--demo" in sys.argv)
    harbour(sea)
    async with served(sea, port) as (address, _):
        print(address)
        await swim(sea)


if __name__ == "__main__":
    asyncio.run(main(int(next((one for one in sys.argv[1:] if one.isdigit()), "8412"))))
