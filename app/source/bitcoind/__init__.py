"""bitcoind by RPC and ZMQ."""

from app.source.bitcoind.rpc import BitcoindRpc, RpcEndpoint
from app.source.bitcoind.shapes import ChainState, IndexState, MempoolState
from app.source.bitcoind.source import Bitcoind
from app.source.bitcoind.zmq_feed import TOPICS, Linked, ZmqFeed
from app.source.bitcoind.zmq_topics import port_of, published

__all__ = [
    "TOPICS",
    "Bitcoind",
    "BitcoindRpc",
    "ChainState",
    "IndexState",
    "Linked",
    "MempoolState",
    "RpcEndpoint",
    "ZmqFeed",
    "port_of",
    "published",
]
