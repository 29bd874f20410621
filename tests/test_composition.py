"""The parts come up one after the other; what they say meanwhile is kept for the System page."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from app.clock import SystemClock
from app.composition import Composition
from app.keyring import Keyring
from app.server import Server
from app.settings import SettingsInForce, read_settings
from app.store import SettingStore, open_operator
from dashboard.log_tail import LogTail


@pytest.fixture
async def composition(tmp_path: Path) -> AsyncIterator[Composition]:
    """Beside no node, with the demo; not yet alive."""
    settings = read_settings({"SPOUT_PORT": "0", "SPOUT_DATA_DIR": str(tmp_path), "SPOUT_SOURCE": "demo"})
    root, clock = logging.getLogger(), SystemClock()
    handlers, level = root.handlers, root.level
    keyring = Keyring(b"a secret of the tests, long enough")
    server = Server(settings, keyring, clock)
    server.listen()
    composition = Composition(settings, server, clock, keyring)
    living = asyncio.create_task(composition.live())
    yield composition
    living.cancel()
    await asyncio.wait({living})
    await server.close()
    await composition.close()
    structlog.reset_defaults()
    root.handlers = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("composition")
async def test_what_is_logged_before_the_pages_are_ready_is_kept_for_them() -> None:
    async with asyncio.timeout(20):
        while not any("store open" in words for words in kept()):  # noqa: ASYNC110 - it rings no bell
            await asyncio.sleep(0.01)

    assert not any("pages ready" in words for words in kept())


def kept() -> list[str]:
    tails = [one for one in logging.getLogger().handlers if isinstance(one, LogTail)]
    return [line.words for tail in tails for line in tail.lines()]


async def test_a_threshold_that_another_process_sets_holds_for_what_is_watched(
    composition: Composition, tmp_path: Path
) -> None:
    async with asyncio.timeout(20):
        while not any("store open" in words for words in kept()):  # noqa: ASYNC110 - it rings no bell
            await asyncio.sleep(0.01)
        settings = SettingsInForce(read_settings({}))
        beside = await open_operator(tmp_path, at=SystemClock().now())
        await SettingStore(beside.file, settings, SystemClock().now).change(
            {"SPOUT_WHALE_THRESHOLD_BTC": "7"}
        )
        await beside.file.close()

        while composition.snapshot.threshold_sat != 7_0000_0000:  # noqa: ASYNC110 - it rings no bell
            await asyncio.sleep(0.01)
