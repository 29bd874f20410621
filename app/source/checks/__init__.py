"""Checks of the node, the mempool backend and the Electrum server, for `spout doctor` and at run time."""

from app.source.checks.backend import SKEW_SECONDS, BackendExam, examine_backend, known_to_backend, why_silent
from app.source.checks.monitor import NETWORK, Examination, remedy_of
from app.source.checks.node import (
    OLD_TIP,
    CheckVerdict,
    Finding,
    KnownBlock,
    examine_bitcoind,
    examine_electrs,
    known_to_node,
)

__all__ = [
    "NETWORK",
    "OLD_TIP",
    "SKEW_SECONDS",
    "BackendExam",
    "CheckVerdict",
    "Examination",
    "Finding",
    "KnownBlock",
    "examine_backend",
    "examine_bitcoind",
    "examine_electrs",
    "known_to_backend",
    "known_to_node",
    "remedy_of",
    "why_silent",
]
