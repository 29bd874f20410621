"""What `spout doctor` and health say about the node and the Electrum server, and how to mend it."""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum

from app.clock import Clock
from app.core.units import BlockHash, Height
from app.errors import (
    IndexingError,
    LoginRefusedError,
    NodeLoadingError,
    NodeRefusedError,
    ParseError,
    SourceError,
    UnreachableError,
)
from app.source.bitcoind_hearing import port_of, published
from app.source.bitcoind_rpc import BitcoindRpc
from app.source.bitcoind_shapes import ChainState, IndexState, MempoolState
from app.source.bitcoind_zmq import TOPICS, Linked, ZmqFeed
from app.source.electrs import Electrs
from app.source.race import within

ZMQ_SECONDS = 3.0
DEEP_BLOCKS = 6
"""Compared so far below the tip, so that a reorg is no alarm."""


class Verdict(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"
    """Works, less well than it could; or is still starting."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`words`: what is; `mend`: what to change, empty where nothing is to be done."""

    component: str
    status: Verdict
    words: str
    mend: str = ""
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class KnownBlock:
    """A block of another source's best chain; some blocks deep, so that a reorg is no alarm.

    `of`: whose; `setting`: where it is named.
    """

    height: Height
    hash: BlockHash
    of: str = "the mempool backend"
    setting: str = "SPOUT_MEMPOOL_URL"


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
    """Ask the node for all that Spout depends on; never raises. `beside`: of the mempool backend's chain."""
    started = clock.monotonic()
    try:
        chain = await rpc.ask(ChainState, "getblockchaininfo")
        latency = (clock.monotonic() - started) * 1000
        findings = [_chain(chain, latency)]
        findings += await _mempool(rpc)
        findings += await _network(rpc, chain, beside)
        findings += await _history(rpc, chain)
        return findings + await _zmq(rpc, zmq_urls, clock)
    except (SourceError, ParseError) as error:
        return [_refused(error)]


async def examine_electrs(electrs: Electrs, clock: Clock, beside: KnownBlock | None = None) -> list[Finding]:
    """Connect once and ask; never raises."""
    started = clock.monotonic()
    try:
        tip, same = await electrs.examine(beside.height if beside else None)
    except IndexingError as error:
        return [Finding(component="electrs", status=Verdict.DEGRADED, words=str(error))]
    except (SourceError, ParseError) as error:
        mend = (
            "Check SPOUT_ELECTRS_URL and that the server runs. While it builds its index (hours, after its "
            "installation) it refuses connections: then wait."
        )
        return [Finding(component="electrs", status=Verdict.FAILED, words=str(error), mend=mend)]
    latency = (clock.monotonic() - started) * 1000
    words = f"{electrs.server}, at height {tip.height}"
    found = [Finding(component="electrs", status=Verdict.OK, words=words, latency_ms=latency)]
    if beside and same is not None and same != beside.hash:
        found.append(_other_network("electrs", beside, "SPOUT_ELECTRS_URL"))
    return found


def _refused(error: SourceError | ParseError) -> Finding:
    status, mend = Verdict.FAILED, "Check SPOUT_BITCOIND_URL, and that bitcoind runs with server=1."
    if isinstance(error, NodeLoadingError):
        status, mend = Verdict.DEGRADED, ""
    elif isinstance(error, LoginRefusedError):
        mend = (
            "Put rpcuser and rpcpassword of bitcoin.conf into SPOUT_BITCOIND_URL (special characters "
            "percent-encoded), or name the .cookie file in SPOUT_BITCOIND_COOKIE_FILE."
        )
    elif isinstance(error, UnreachableError):
        mend = (
            "Check host and port in SPOUT_BITCOIND_URL, that bitcoind runs with server=1, and that rpcbind "
            "and rpcallowip let this machine in."
        )
    return Finding(component="bitcoind", status=status, words=str(error), mend=mend)


def _chain(chain: ChainState, latency: float) -> Finding:
    if chain.initialblockdownload:
        percent = chain.verificationprogress * 100
        words = f"{chain.chain}: block {chain.blocks} of {chain.headers}, {percent:.1f} % synced"
        return Finding(component="bitcoind", status=Verdict.DEGRADED, words=words, latency_ms=latency)
    words = f"{chain.chain}, at height {chain.blocks}"
    return Finding(component="bitcoind", status=Verdict.OK, words=words, latency_ms=latency)


async def _mempool(rpc: BitcoindRpc) -> list[Finding]:
    state = await rpc.ask(MempoolState, "getmempoolinfo")
    if state.loaded:
        return []
    words = "its mempool is still being loaded"
    return [Finding(component="bitcoind mempool", status=Verdict.DEGRADED, words=words)]


async def _network(rpc: BitcoindRpc, chain: ChainState, beside: KnownBlock | None) -> list[Finding]:
    if beside is None or chain.blocks < beside.height:
        return []
    found = await rpc.ask(str, "getblockhash", beside.height)
    return (
        []
        if found == beside.hash
        else [_other_network(f"bitcoind ({chain.chain})", beside, "SPOUT_BITCOIND_URL")]
    )


def _other_network(who: str, beside: KnownBlock, setting: str) -> Finding:
    return Finding(
        component="network",
        status=Verdict.FAILED,
        words=f"{who} and {beside.of} follow different chains: their blocks {beside.height} differ",
        mend=f"Point {setting} and {beside.setting} at one network (mainnet, testnet, signet).",
    )


async def _history(rpc: BitcoindRpc, chain: ChainState) -> list[Finding]:
    findings = []
    if chain.pruned:
        words = f"it keeps blocks from height {chain.pruneheight or 0} on only (pruned)"
        mend = "Enough for what is new. For older transactions run bitcoind without prune=."
        findings.append(_degraded("bitcoind blocks", words, mend))
    try:
        index = (await rpc.ask(dict[str, IndexState], "getindexinfo")).get("txindex")
    except (NodeRefusedError, LoginRefusedError):
        words, mend = (
            "it may not be asked for its indexes",
            "Add getindexinfo to rpcwhitelist in bitcoin.conf.",
        )
        return [*findings, _degraded("bitcoind txindex", words, mend)]
    if index is None:
        words = "no txindex: transactions older than a day are found only while an output is unspent"
        mend = "Set txindex=1 in bitcoin.conf and restart bitcoind (not possible on a pruned node)."
        findings.append(_degraded("bitcoind txindex", words, mend))
    elif not index.synced:
        words = f"txindex is at height {index.best_block_height} of {chain.blocks}"
        findings.append(_degraded("bitcoind txindex", words, ""))
    return findings


async def _zmq(rpc: BitcoindRpc, urls: Mapping[str, str], clock: Clock) -> list[Finding]:
    told = await published(rpc)
    findings = []
    for topic in TOPICS:
        url = urls.get(topic)
        name = f"bitcoind ZMQ {topic}"
        ports = [port_of(one.address) for one in told or () if one.type == f"pub{topic}"]
        line = f"zmqpub{topic}=tcp://0.0.0.0:{port_of(url or '') or 28332}"
        if url is None:
            mend = f"Set SPOUT_BITCOIND_ZMQ_{topic.upper()}, and {line} in bitcoin.conf."
            findings.append(_degraded(name, "not configured: slower", mend))
        elif told is not None and not ports:
            mend = f"Add {line} to bitcoin.conf and restart bitcoind."
            findings.append(_degraded(name, "bitcoind does not publish it", mend))
        elif not await _links(url, clock):
            mend = (
                f"bitcoind publishes it on port {ports[0] if ports else '?'}: check the address and firewall."
            )
            findings.append(_degraded(name, f"nobody answers at {url}", mend))
        elif ports and port_of(url) not in ports:
            words = f"{url} is another topic's port; bitcoind publishes {topic} on {ports[0]}"
            mend = "Correct the port; if a container maps ports to others, this is no mistake."
            findings.append(_degraded(name, words, mend))
        else:
            findings.append(Finding(component=name, status=Verdict.OK, words=f"connected to {url}"))
    return findings


async def _links(url: str, clock: Clock) -> bool:
    async def first_link() -> bool:
        async with aclosing(ZmqFeed({"hashblock": url}).heard()) as heard:
            async for one in heard:
                if isinstance(one, Linked):
                    return True
        return False

    return await within(first_link(), ZMQ_SECONDS, clock) or False


def _degraded(component: str, words: str, mend: str) -> Finding:
    return Finding(component=component, status=Verdict.DEGRADED, words=words, mend=mend)
