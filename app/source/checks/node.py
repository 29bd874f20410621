"""Checks of the node and the Electrum server for `spout doctor` and health, each with its remedy."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from app.clock import Clock
from app.core.units import BlockHash, Height, counted
from app.errors import (
    ForbiddenError,
    IndexingError,
    LoginRefusedError,
    NodeLoadingError,
    NodeRefusedError,
    ParseError,
    SourceError,
    TooSlowError,
    UnreachableError,
)
from app.source.bitcoind import (
    TOPICS,
    BitcoindRpc,
    ChainState,
    IndexState,
    Linked,
    MempoolState,
    ZmqFeed,
    port_of,
    published,
)
from app.source.electrum import Electrs
from app.source.resilience import within

ZMQ_SECONDS = 1.5
DEEP_BLOCKS = 6
"""Chains are compared this deep below the tip, so that a reorg raises no alarm."""

OLD_TIP = timedelta(hours=3)
"""Three hours between two blocks of the main network occur once in a thousand years."""


class CheckVerdict(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"
    """Works with restrictions, or is still starting."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`message`: the finding; `remedy`: what to change, empty if nothing needs to be done."""

    component: str
    status: CheckVerdict
    message: str
    remedy: str = ""
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class KnownBlock:
    """A block of another source's best chain, some blocks deep, so that a reorg raises no alarm.

    `of`: the source; `setting`: the setting that names it.
    """

    height: Height
    hash: BlockHash
    of: str = "the mempool backend"
    setting: str = "SPOUT_MEMPOOL_URL"
    tip: Height | None = None
    """The height of that chain's tip."""


async def known_to_node(rpc: BitcoindRpc) -> KnownBlock | None:
    """Return a block of the node's chain that its Electrum server should have too; None if it cannot say."""
    try:
        height = max(await rpc.ask(int, "getblockcount") - DEEP_BLOCKS, 0)
        found = await rpc.ask(str, "getblockhash", height)
    except (SourceError, ParseError):
        return None
    return KnownBlock(Height(height), BlockHash(found), "bitcoind", "SPOUT_BITCOIND_URL")


async def examine_bitcoind(
    rpc: BitcoindRpc, zmq_urls: Mapping[str, str], clock: Clock, beside: KnownBlock | None = None
) -> list[Finding]:
    """Run every check of the node; never raises. `beside`: a block of the mempool backend's chain."""
    started = clock.monotonic()
    try:
        chain = await rpc.ask(ChainState, "getblockchaininfo")
        latency = (clock.monotonic() - started) * 1000
        findings = [_chain(chain, latency, beside, clock.now())]
        findings += await _mempool(rpc)
        findings += await _network(rpc, chain, beside)
        findings += await _history(rpc, chain)
        return findings + await _zmq(rpc, zmq_urls, clock)
    except (SourceError, ParseError) as error:
        return [_refused(error)]


async def examine_electrs(electrs: Electrs, clock: Clock, beside: KnownBlock | None = None) -> list[Finding]:
    """Connect once and run every check; never raises."""
    started = clock.monotonic()
    try:
        tip, same = await electrs.examine(beside.height if beside else None)
    except IndexingError as error:
        return [Finding(component="electrs", status=CheckVerdict.DEGRADED, message=str(error))]
    except (SourceError, ParseError) as error:
        remedy = (
            "Check SPOUT_ELECTRS_URL and that the server runs. While it builds its index (hours, after its "
            "installation) it refuses connections: then wait."
        )
        return [Finding(component="electrs", status=CheckVerdict.FAILED, message=str(error), remedy=remedy)]
    latency = (clock.monotonic() - started) * 1000
    message = f"{electrs.server}, at height {tip.height}"
    found = [Finding(component="electrs", status=CheckVerdict.OK, message=message, latency_ms=latency)]
    if beside and same is not None and same != beside.hash:
        found.append(_other_network("electrs", beside, "SPOUT_ELECTRS_URL"))
    return found


def _refused(error: SourceError | ParseError) -> Finding:
    status, remedy = CheckVerdict.FAILED, "Check SPOUT_BITCOIND_URL, and that bitcoind runs with server=1."
    if isinstance(error, NodeLoadingError):
        status, remedy = CheckVerdict.DEGRADED, ""
    elif isinstance(error, ForbiddenError):
        remedy = "Let this user ask it (rpcwhitelist in bitcoin.conf), and this machine (rpcallowip)."
    elif isinstance(error, LoginRefusedError):
        remedy = (
            "Put rpcuser and rpcpassword of bitcoin.conf into SPOUT_BITCOIND_URL (special characters "
            "percent-encoded), or name the .cookie file in SPOUT_BITCOIND_COOKIE_FILE."
        )
    elif isinstance(error, TooSlowError):
        remedy = "It accepts connections and does not answer: it is frozen, or very busy; look at its log."
    elif isinstance(error, UnreachableError):
        remedy = (
            "Check host and port in SPOUT_BITCOIND_URL, that bitcoind runs with server=1, and that rpcbind "
            "and rpcallowip let this machine in."
        )
    return Finding(component="bitcoind", status=status, message=str(error), remedy=remedy)


def _chain(chain: ChainState, latency: float, beside: KnownBlock | None, at: datetime) -> Finding:
    message, remedy = f"{chain.chain}, at height {chain.blocks}", ""
    behind = 0 if beside is None or beside.tip is None else beside.tip - chain.blocks
    if chain.initialblockdownload and chain.blocks < chain.headers:
        percent = max(chain.verificationprogress, 0.0) * 100
        message = f"{chain.chain}: block {chain.blocks} of {chain.headers}, {percent:.1f} % synced"
        return Finding(
            component="bitcoind", status=CheckVerdict.DEGRADED, message=message, latency_ms=latency
        )
    if beside is not None and behind > 1:
        message += f", behind by {counted(behind, 'block')}: {beside.of} is at {beside.tip}"
        remedy = "Look at its peers and its log: it stands still, or is on a split of its own."
    elif (age := _old(chain, at)) is not None:
        message += f", no block for {counted(age, 'hour')}"
        remedy = "Look whether it has peers, and whether its clock is right."
    status = CheckVerdict.DEGRADED if remedy else CheckVerdict.OK
    return Finding(component="bitcoind", status=status, message=message, remedy=remedy, latency_ms=latency)


def _old(chain: ChainState, at: datetime) -> int | None:
    """Return the age of the last block in hours, if too high; on the main network only."""
    if chain.chain != "main" or chain.time is None:
        return None
    age = at - datetime.fromtimestamp(chain.time, UTC)
    return age // timedelta(hours=1) if age >= OLD_TIP else None


async def _mempool(rpc: BitcoindRpc) -> list[Finding]:
    state = await rpc.ask(MempoolState, "getmempoolinfo")
    if state.loaded:
        return []
    message = "its mempool is still being loaded"
    return [Finding(component="bitcoind mempool", status=CheckVerdict.DEGRADED, message=message)]


async def _network(rpc: BitcoindRpc, chain: ChainState, beside: KnownBlock | None) -> list[Finding]:
    if beside is None or chain.blocks < beside.height:
        return []
    try:
        found = await rpc.ask(str, "getblockhash", beside.height)
    except ForbiddenError:
        return []  # the call is not permitted: nothing is compared
    return (
        []
        if found == beside.hash
        else [_other_network(f"bitcoind ({chain.chain})", beside, "SPOUT_BITCOIND_URL")]
    )


def _other_network(who: str, beside: KnownBlock, setting: str) -> Finding:
    return Finding(
        component="network",
        status=CheckVerdict.FAILED,
        message=f"{who} and {beside.of} follow different chains: their blocks {beside.height} differ",
        remedy=f"Point {setting} and {beside.setting} at one network (mainnet, testnet, signet).",
    )


async def _history(rpc: BitcoindRpc, chain: ChainState) -> list[Finding]:
    findings: list[Finding] = []
    if chain.pruned:
        kept = f"from height {chain.pruneheight} on" if chain.pruneheight else "of late only"
        message = f"pruned: it keeps blocks {kept}, and no index of transactions"
        remedy = (
            "Enough for what is new. What is mined while Spout is away for longer than that is not to be "
            "had; for it, and for older transactions, run bitcoind without prune= and with txindex=1."
        )
        return [_degraded("bitcoind blocks", message, remedy)]
    try:
        index = (await rpc.ask(dict[str, IndexState], "getindexinfo")).get("txindex")
    except (NodeRefusedError, LoginRefusedError):
        message, remedy = (
            "it may not be asked for its indexes",
            "Add getindexinfo to rpcwhitelist in bitcoin.conf.",
        )
        return [*findings, _degraded("bitcoind txindex", message, remedy)]
    if index is None:
        message = "no txindex: transactions older than a day are found only while an output is unspent"
        remedy = "Set txindex=1 in bitcoin.conf and restart bitcoind."
        findings.append(_degraded("bitcoind txindex", message, remedy))
    elif not index.synced:
        message = f"txindex is at height {index.best_block_height} of {chain.blocks}"
        findings.append(_degraded("bitcoind txindex", message, ""))
    return findings


async def _zmq(rpc: BitcoindRpc, urls: Mapping[str, str], clock: Clock) -> list[Finding]:
    reported = await published(rpc)
    named = {url for url in urls.values() if url}
    linked = dict(zip(named, await asyncio.gather(*(_links(url, clock) for url in named)), strict=True))
    findings = []
    for topic in TOPICS:
        url = urls.get(topic)
        name = f"bitcoind ZMQ {topic}"
        ports = [port_of(one.address) for one in reported or () if one.type == f"pub{topic}"]
        line = f"zmqpub{topic}=tcp://0.0.0.0:{port_of(url or '') or 28332}"
        if url is None:
            remedy = f"Set SPOUT_BITCOIND_ZMQ_{topic.upper()}, and {line} in bitcoin.conf."
            findings.append(_degraded(name, "not configured: slower", remedy))
        elif reported is not None and not ports:
            remedy = f"Add {line} to bitcoin.conf and restart bitcoind."
            findings.append(_degraded(name, "bitcoind does not publish it", remedy))
        elif not linked[url]:
            remedy = (
                f"bitcoind publishes it on port {ports[0] if ports else '?'}: check the address and firewall."
            )
            findings.append(_degraded(name, f"nobody answers at {url}", remedy))
        elif ports and port_of(url) not in ports:
            message = f"{url} is another topic's port; bitcoind publishes {topic} on {ports[0]}"
            remedy = "Correct the port; if a container maps ports to others, this is no mistake."
            findings.append(_degraded(name, message, remedy))
        else:
            findings.append(Finding(component=name, status=CheckVerdict.OK, message=f"connected to {url}"))
    return findings


async def _links(url: str, clock: Clock) -> bool:
    async def first_link() -> bool:
        async with aclosing(ZmqFeed({"hashblock": url}).notifications()) as notifications:
            async for one in notifications:
                if isinstance(one, Linked):
                    return True
        return False

    return await within(first_link(), ZMQ_SECONDS, clock) or False


def _degraded(component: str, message: str, remedy: str) -> Finding:
    return Finding(component=component, status=CheckVerdict.DEGRADED, message=message, remedy=remedy)
