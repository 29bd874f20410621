"""The parts come up one after the other; what they say meanwhile is kept for the System page."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from app.clock import SystemClock
from app.house import House
from app.keyring import Keyring
from app.server import Server
from app.settings import read_settings
from dashboard.log_tail import LogTail


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Beside no node, with the demo; not yet alive."""
    settings = read_settings({"SPOUT_PORT": "0", "SPOUT_DATA_DIR": str(tmp_path), "SPOUT_SOURCE": "demo"})
    root, clock = logging.getLogger(), SystemClock()
    handlers, level = root.handlers, root.level
    server = Server(settings, Keyring(b"a secret of the tests, long enough"), clock)
    server.listen()
    house = House(settings, server, clock)
    living = asyncio.create_task(house.live())
    yield house
    living.cancel()
    await asyncio.wait({living})
    await server.close()
    await house.close()
    structlog.reset_defaults()
    root.handlers = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("house")
async def test_what_is_logged_before_the_pages_are_ready_is_kept_for_them() -> None:
    async with asyncio.timeout(20):
        while not any("store open" in words for words in kept()):  # noqa: ASYNC110 - it rings no bell
            await asyncio.sleep(0.01)

    assert not any("pages ready" in words for words in kept())


def kept() -> list[str]:
    tails = [one for one in logging.getLogger().handlers if isinstance(one, LogTail)]
    return [line.words for tail in tails for line in tail.lines()]
