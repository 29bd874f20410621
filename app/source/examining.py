"""Looks, at the start and every few minutes, whether node and Electrum server are set up as they should be.

What it finds is shown in health. One thing is more than a word: a source that follows another chain than
the mempool backend is not believed at all; nor, where there is no backend, is an Electrum server that
follows another chain than the node.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

import structlog

from app.clock import Clock
from app.core.models import SourceName
from app.errors import ParseError, SourceError
from app.source.examine import (
    DEEP_BLOCKS,
    Finding,
    KnownBlock,
    Verdict,
    examine_bitcoind,
    examine_electrs,
    known_to_node,
)
from app.source.race import within
from app.source.sides import Sides

EVERY_SECONDS = 180.0
AGAIN_SECONDS = 20.0
"""While something is about to change, so that it shows soon."""
FIRST_SECONDS = 5.0
"""The start waits no longer for it: the backend may be away for days."""
NETWORK = "network"
_log = structlog.get_logger(__name__)


class Examination:
    """`findings` by component, the latest."""

    def __init__(self, sides: Sides, clock: Clock) -> None:
        self._sides = sides
        self._clock = clock
        self._findings: dict[SourceName, tuple[Finding, ...]] = {}
        self._examined = asyncio.Event()

    def findings(self, name: SourceName) -> tuple[Finding, ...]:
        return self._findings.get(name, ())

    def is_other_chain(self, name: SourceName) -> bool:
        """Whether it follows another chain than the one that is believed."""
        return any(found.component == NETWORK for found in self.findings(name))

    def believed(self) -> Sides:
        """The sides that follow our chain, as far as anybody knows."""
        return replace(
            self._sides,
            node=None if self.is_other_chain(SourceName.BITCOIND) else self._sides.node,
            electrum=None if self.is_other_chain(SourceName.ELECTRS) else self._sides.electrum,
        )

    async def first(self) -> None:
        """Wait until it looked once, but not for long."""
        await within(self._examined.wait(), FIRST_SECONDS, self._clock)

    async def run(self) -> None:
        while True:
            await self._examine()
            self._examined.set()
            await self._clock.sleep(AGAIN_SECONDS if self._will_change else EVERY_SECONDS)

    @property
    def _will_change(self) -> bool:
        """What has failed will be mended, what is starting will be done; the rest stays as it is for long."""
        everything = (found for one in self._findings.values() for found in one)
        return any(
            found.status is Verdict.FAILED or (found.status is Verdict.DEGRADED and not found.mend)
            for found in everything
        )

    async def _examine(self) -> None:
        beside = await self._known_block()
        node, electrum = self._sides.node, self._sides.electrum
        if node is not None:
            found = await examine_bitcoind(node.rpc, node.zmq_urls, self._clock, beside)
            self._note(SourceName.BITCOIND, found)
        if electrum is not None:
            if self._sides.backend is None and node is not None:
                beside = await known_to_node(node.rpc)
            self._note(SourceName.ELECTRS, await examine_electrs(electrum.source, self._clock, beside))

    def _note(self, name: SourceName, found: Iterable[Finding]) -> None:
        before = self._findings.get(name)
        now = self._findings[name] = tuple(found)
        if before is None or _faults(before) != _faults(now):
            for one in now:
                if one.status is not Verdict.OK:
                    _log.warning("examined", component=one.component, words=one.words, mend=one.mend)

    async def _known_block(self) -> KnownBlock | None:
        """Return a block of the backend's chain that the node should have too; None where nobody can say."""
        backend, node = self._sides.backend, self._sides.node
        if backend is None:
            return None
        try:
            height = max((await backend.rest.tip()).height - DEEP_BLOCKS, 0)
            if node is not None:
                height = min(height, await node.rpc.ask(int, "getblockcount"))
            block = await backend.rest.block_at(height)
        except (SourceError, ParseError) as error:
            _log.debug("no block to compare", error=str(error))
            return None
        return KnownBlock(block.height, block.hash) if block else None


def mending(findings: Iterable[Finding]) -> tuple[Verdict, str | None]:
    """The worst of what can be mended, and all of that in words with what to change.

    What only needs time (a node that syncs) is not among it.
    """
    wrong = [found for found in findings if found.status is not Verdict.OK and found.mend]
    if not wrong:
        return Verdict.OK, None
    worst = Verdict.FAILED if any(one.status is Verdict.FAILED for one in wrong) else Verdict.DEGRADED
    return worst, " ".join(f"{one.component}: {one.words}. {one.mend}" for one in wrong)


def _faults(findings: Iterable[Finding]) -> set[tuple[str, str]]:
    """What is wrong, without the figures that change all the time."""
    return {(one.component, one.mend) for one in findings if one.status is not Verdict.OK}
