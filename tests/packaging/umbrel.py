"""Both layouts of the Umbrel package, and the store around them."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from tests.packaging.findings import Finding
from tests.packaging.package_rules import findings

ROOT = Path(__file__).parents[2]
APPS = frozenset(("mempool", "bitcoin", "bitcoin-knots", "electrs", "fulcrum", "electrumx"))
PORTS = frozenset((3002, 3005, 3006, 3117, 3883, 4080, 8314, 8410))
"""Ours and its neighbours' ports, as the store had them on 2026-08-21."""
_BITCOIN = frozenset(
    [
        "APP_BITCOIN_NODE_IP",
        "APP_BITCOIN_RPC_PORT",
        "APP_BITCOIN_RPC_USER",
        "APP_BITCOIN_RPC_PASS",
        "APP_BITCOIN_P2P_PORT",
        "APP_BITCOIN_ZMQ_RAWBLOCK_PORT",
        "APP_BITCOIN_ZMQ_RAWTX_PORT",
        "APP_BITCOIN_ZMQ_HASHBLOCK_PORT",
        "APP_BITCOIN_ZMQ_SEQUENCE_PORT",
        "APP_BITCOIN_NETWORK",
        "APP_BITCOIN_DATA_DIR",
    ]
)
EXPORTED: Mapping[str, frozenset[str]] = {
    # Core, Knots and libre-relay have these in common; HASHTX, WHITEBIND and IPC are not among them.
    "bitcoin": _BITCOIN,
    "electrs": frozenset(("APP_ELECTRS_IP", "APP_ELECTRS_NODE_IP", "APP_ELECTRS_NODE_PORT")),
    "mempool": frozenset(
        (
            "APP_MEMPOOL_IP",
            "APP_MEMPOOL_PORT",
            "APP_MEMPOOL_API_IP",
            "APP_MEMPOOL_DB_IP",
            "APP_MEMPOOL_HIDDEN_SERVICE",
        )
    ),
}


def load(name: str) -> ModuleType:
    """Return a fresh copy of a script that stands beside this file."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lay_out() -> ModuleType:
    return load("lay_out")


def linted(folder: Path, layout: str) -> list[Finding]:
    return findings(folder, official=layout == "official", apps=APPS, ports=PORTS, exported=EXPORTED)
