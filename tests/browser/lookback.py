"""The pages that look back, over a real store and beside the real API, on a loopback port.

`python -m tests.browser.lookback [PORT] [WHALES]` serves them to look at.
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.bus import Bus
from app.clock import SystemClock
from app.core.events import Event
from app.core.prediction import Prediction
from app.keyring import Keyring
from app.metrics import Metrics
from app.server import Server
from app.settings import read_settings
from app.store.accounts import AccountStore
from app.store.opening import open_database
from app.store.operator import KeyStore, open_operator
from app.store.predictions import PredictionStore
from app.web import LoginRequiredWebSocket
from dashboard.build import PageOptions, build_pages
from tests.browser.quarter import a_quarter, the_tip
from tests.browser.sea import Sea

AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookback:
    address: str
    store: PredictionStore
    sea: Sea


@asynccontextmanager
async def looking_back(whales: Sequence[Prediction], port: int = 0) -> AsyncIterator[Lookback]:
    """Store the whales, and serve pages and API over them as the appliance does, without a password."""
    with tempfile.TemporaryDirectory() as room:
        clock, sea = SystemClock(), Sea()
        opened = await open_database(Path(room), at=clock.now())
        operator = await open_operator(Path(room), at=clock.now(), owner=True)
        store = PredictionStore(opened)
        for first in range(0, len(whales), AT_ONCE):
            await store.append([], whales[first : first + AT_ONCE], [the_tip()] if first == 0 else [])
        accounts = AccountStore(opened.database)
        settings = read_settings({"SPOUT_PORT": str(port), "SPOUT_DATA_DIR": room})
        server = Server(settings, Keyring(b"a secret of the tests, long enough"), clock)
        server.listen()
        try:
            await server.mount_api(live=sea.live, bus=Bus[Event](), metrics=Metrics())
            server.attach(store, KeyStore(operator.file), accounts=accounts)
            options = PageOptions(version="test", door=LoginRequiredWebSocket, accounts=lambda: accounts)
            await server.mount_pages(lambda: lambda: build_pages(sea.live, store, options))
            yield Lookback(address=server.url.rstrip("/"), store=store, sea=sea)
        finally:
            await server.close()
            await opened.database.close()
            await operator.file.close()


async def main(port: int, whales: int) -> None:
    async with looking_back(a_quarter(datetime.now(UTC), whales=whales), port) as shown:
        print(shown.address)
        await asyncio.Event().wait()


if __name__ == "__main__":
    numbers = [int(one) for one in sys.argv[1:] if one.isdigit()]
    asyncio.run(main(numbers[0] if numbers else 8412, numbers[1] if len(numbers) > 1 else 2_000))
