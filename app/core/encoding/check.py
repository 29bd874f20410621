"""Context-free consensus checks on a transaction from any source."""

from app.core.models import Transaction
from app.core.units import MAX_MONEY
from app.errors import ParseError

_LAST_INDEX = 0xFFFFFFFF
"""The prevout index of a coinbase input; a real output index is always lower."""
_HEX = frozenset("0123456789abcdef")


def check_transaction(tx: Transaction) -> None:
    """Check that `tx` could be a valid transaction.

    Raises:
        ParseError: no inputs or outputs, a duplicate prevout, an amount that is negative or above
            MAX_MONEY, outputs worth more than the inputs, a script that is not hex.
    Source: Bitcoin Core, consensus/tx_check.cpp and tx_verify.cpp, by their rules.
    """
    if not tx.inputs or not tx.outputs:
        raise ParseError(f"transaction {tx.txid}: has no {'inputs' if tx.outputs else 'outputs'}")
    if len(tx.outpoints) != len(tx.inputs):
        raise ParseError(f"transaction {tx.txid}: spends the same output twice")
    for index, output in enumerate(tx.outputs):
        _check_amount(tx, f"output {index}", output.value)
        _check_script(tx, f"output {index}", output.script)
    for index, spent in enumerate(tx.inputs):
        if len(spent.outpoint.txid) != 64 or not 0 <= spent.outpoint.vout <= _LAST_INDEX:
            raise ParseError(f"transaction {tx.txid}: input {index} names no output")
        if spent.value is not None:
            _check_amount(tx, f"input {index}", spent.value)
        if spent.script is not None:
            _check_script(tx, f"input {index}", spent.script)
    _check_sums(tx)


def _check_amount(tx: Transaction, what: str, sats: int) -> None:
    if not 0 <= sats <= MAX_MONEY:
        raise ParseError(f"transaction {tx.txid}: {what} is worth {sats} sat, which no coin can be")


def _check_script(tx: Transaction, what: str, script: str) -> None:
    if len(script) % 2 or not _HEX.issuperset(script):
        raise ParseError(f"transaction {tx.txid}: {what} has a script that is not hex")


def _check_sums(tx: Transaction) -> None:
    if tx.gross > MAX_MONEY:
        raise ParseError(f"transaction {tx.txid}: outputs sum to {tx.gross} sat, more than all money")
    if tx.fee is not None and not 0 <= tx.fee <= MAX_MONEY:
        raise ParseError(f"transaction {tx.txid}: a fee of {tx.fee} sat cannot be")
    values = [spent.value for spent in tx.inputs]
    known = [value for value in values if value is not None]
    if sum(known) > MAX_MONEY:
        raise ParseError(f"transaction {tx.txid}: inputs sum to more than all money")
    if len(known) == len(values) and sum(known) < tx.gross:
        raise ParseError(f"transaction {tx.txid}: outputs are worth more than the inputs")
