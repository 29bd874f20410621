"""Raw transactions, scripts and addresses, and consensus checks on decoded transactions."""

from app.core.encoding.addresses import Network, address_of, script_of
from app.core.encoding.base58 import BASE58_ALPHABET
from app.core.encoding.check import check_transaction
from app.core.encoding.owners import owner_ids
from app.core.encoding.rawtx import AddressOf, decode, is_coinbase
from app.core.encoding.scripts import ScriptType, is_burnt, script_type, with_derived_scripts

__all__ = [
    "BASE58_ALPHABET",
    "AddressOf",
    "Network",
    "ScriptType",
    "address_of",
    "check_transaction",
    "decode",
    "is_burnt",
    "is_coinbase",
    "owner_ids",
    "script_of",
    "script_type",
    "with_derived_scripts",
]
