"""Checks at the start and every few minutes that node and Electrum server are configured correctly.

Findings are shown in health. One has further consequences: a source that follows another chain than the
mempool backend is ignored; without a backend, so is an Electrum server that follows another chain than
the node.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace

import structlog

from app.clock import Clock
from app.core.models import SourceName
from app.errors import ParseError, SourceError
from app.source.checks.node import (
    DEEP_BLOCKS,
    CheckVerdict,
    Finding,
    KnownBlock,
    examine_bitcoind,
    examine_electrs,
    known_to_node,
)
from app.source.far_sides import FarSides
from app.source.resilience import within

EVERY_SECONDS = 180.0
AGAIN_SECONDS = 20.0
"""Interval while a finding is expected to change, so that the change shows soon."""
FIRST_SECONDS = 5.0
"""The start waits no longer than this: the backend may be unreachable for days."""
NETWORK = "network"
_FIRST_BLOCKS = {
    "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f": "main",
    "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206": "regtest",
}
_log = structlog.get_logger(__name__)


class Examination:
    """Runs the checks; `findings` by component, the latest."""

    def __init__(self, far_sides: FarSides, clock: Clock, learn: Callable[[str], None] | None = None) -> None:
        """Take `learn`, called with the chain ("main", …) if only a backend is configured."""
        self._far_sides = far_sides
        self._learn = learn
        self._clock = clock
        self._findings: dict[SourceName, tuple[Finding, ...]] = {}
        self._seen_txids = asyncio.Event()

    def findings(self, name: SourceName) -> tuple[Finding, ...]:
        return self._findings.get(name, ())

    def is_other_chain(self, name: SourceName) -> bool:
        """Whether the source follows another chain than the one that is trusted."""
        return any(found.component == NETWORK for found in self.findings(name))

    def believed(self) -> FarSides:
        """Return the sources that are trusted: those not known to follow another chain."""
        return replace(
            self._far_sides,
            node=None if self.is_other_chain(SourceName.BITCOIND) else self._far_sides.node,
            electrum=None if self.is_other_chain(SourceName.ELECTRS) else self._far_sides.electrum,
        )

    async def first(self) -> None:
        """Wait for the first check, at most FIRST_SECONDS."""
        await within(self._seen_txids.wait(), FIRST_SECONDS, self._clock)

    async def run(self) -> None:
        while True:
            await self._examine()
            self._seen_txids.set()
            await self._clock.sleep(AGAIN_SECONDS if self._will_change else EVERY_SECONDS)

    @property
    def _will_change(self) -> bool:
        """Whether a finding may change soon: failures get repaired, starts complete; others persist."""
        everything = (found for one in self._findings.values() for found in one)
        return any(
            found.status is CheckVerdict.FAILED
            or (found.status is CheckVerdict.DEGRADED and not found.remedy)
            for found in everything
        )

    async def _examine(self) -> None:
        await self._learn_network()
        beside = await self._known_block()
        node, electrum = self._far_sides.node, self._far_sides.electrum
        if node is not None:
            found = await examine_bitcoind(node.rpc, node.zmq_urls, self._clock, beside)
            self._note(SourceName.BITCOIND, found)
        if electrum is not None:
            if self._far_sides.backend is None and node is not None:
                beside = await known_to_node(node.rpc)
            self._note(SourceName.ELECTRS, await examine_electrs(electrum.source, self._clock, beside))

    def _note(self, name: SourceName, found: Iterable[Finding]) -> None:
        before = self._findings.get(name)
        now = self._findings[name] = tuple(found)
        if before is None or _faults(before) != _faults(now):
            for one in now:
                if one.status is not CheckVerdict.OK:
                    _log.warning("examined", component=one.component, message=one.message, remedy=one.remedy)

    async def _learn_network(self) -> None:
        """Determine the network by its genesis block."""
        backend = self._far_sides.backend
        if self._learn is None or backend is None or self._far_sides.node is not None:
            return
        try:
            first = await backend.rest.block_at(0)
        except (SourceError, ParseError) as error:
            _log.debug("no first block", error=str(error))
            return
        if first is not None:
            self._learn(_FIRST_BLOCKS.get(first.hash, "test"))
            self._learn = None

    async def _known_block(self) -> KnownBlock | None:
        """Return a block of the backend's chain that the node should have too; None if unknown."""
        backend, node = self._far_sides.backend, self._far_sides.node
        if backend is None:
            return None
        try:
            tip = (await backend.rest.tip()).height
            height = max(tip - DEEP_BLOCKS, 0)
            if node is not None:
                height = min(height, await node.rpc.ask(int, "getblockcount"))
            block = await backend.rest.block_at(height)
        except (SourceError, ParseError) as error:
            _log.debug("no block to compare", error=str(error))
            return None
        return KnownBlock(block.height, block.hash, tip=tip) if block else None


def remedy_of(findings: Iterable[Finding]) -> tuple[CheckVerdict, str | None]:
    """Return the worst status that has a remedy, and all such findings with their remedies as text.

    Findings that only need time (a node that syncs) are excluded.
    """
    wrong = [found for found in findings if found.status is not CheckVerdict.OK and found.remedy]
    if not wrong:
        return CheckVerdict.OK, None
    worst = (
        CheckVerdict.FAILED
        if any(one.status is CheckVerdict.FAILED for one in wrong)
        else CheckVerdict.DEGRADED
    )
    return worst, " ".join(f"{one.component}: {one.message}. {one.remedy}" for one in wrong)


def _faults(findings: Iterable[Finding]) -> set[tuple[str, str]]:
    """Return the findings' faults without figures that change all the time, for comparison."""
    return {(one.component, one.remedy) for one in findings if one.status is not CheckVerdict.OK}
