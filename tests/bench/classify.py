"""What it costs to classify a candidate, beside decoding it.

The candidates are built: shapes of whales in the proportions seen on mainnet, with keys, signatures
and addresses of the shipped table, as the backend announces them (null prevouts).
"""

import gc
from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import median
from time import perf_counter_ns
from typing import Any

import msgspec

from app.core.encoding.scripts import with_derived_scripts
from app.core.flow.classifier import classify
from app.core.flow.entities import Entities
from app.core.flow.labels import parse_table
from app.core.flow.peel import PeelMemory
from app.core.models import Transaction
from app.core.units import Sats
from app.data import entities_table
from app.source.backend import decode
from tests.bench.rows import BenchRow, at_most, shown
from tests.builders import a_script, a_txid, sats

SHAPES = ((1, 2, 14), (1, 1, 2), (2, 2, 3), (5, 2, 2), (30, 1, 1), (1, 12, 1), (2, 120, 1))
"""Inputs, outputs, and how many of 24 candidates look like that."""
_ROUNDS = 40
_LIMIT_MICROSECONDS = 50


def rows() -> Iterator[BenchRow]:
    bodies = [body for ins, outs, count in SHAPES for body in _bodies(ins, outs, count)]
    received = [decode.transaction(body)[0] for body in bodies]
    known = [_answered(with_derived_scripts(tx)) for tx in received]
    entities, peels = Entities(parse_table(entities_table())), PeelMemory()

    decoding = _medians(bodies, decode.transaction)
    deriving = _medians(received, with_derived_scripts)
    classifying = _medians(known, lambda tx: classify(tx, entities, peels))
    yield at_most("ingest.classify_median", median(classifying), _LIMIT_MICROSECONDS, "us")
    yield shown("ingest.classify_slowest_shape", max(classifying), "us")
    yield shown("ingest.decode_median", median(decoding), "us")
    yield shown("ingest.derive_scripts_median", median(deriving), "us")
    yield shown("ingest.classify_per_decode", median(classifying) / median(decoding), "ratio")


def _medians(values: list[Any], work: Callable[[Any], object]) -> list[float]:
    """Median microseconds for each value; garbage is collected between the rounds, not within one."""
    times: list[list[int]] = [[] for _ in values]
    for _ in range(_ROUNDS):
        gc.collect()
        gc.disable()
        for value, taken in zip(values, times, strict=True):
            begin = perf_counter_ns()
            work(value)
            taken.append(perf_counter_ns() - begin)
        gc.enable()
    return [median(taken) / 1000 for taken in times]


def _bodies(ins: int, outs: int, count: int) -> Iterator[bytes]:
    for number in range(count):
        vin = [
            {
                "txid": a_txid((ins, outs, number, index)),
                "vout": index,
                "sequence": 0xFFFFFFFD,
                "scriptsig": "",
                "prevout": None,
                "witness": ["3045022100" + "11" * 32 + "0220" + "22" * 32 + "01", "02" + f"{number:064x}"],
            }
            for index in range(ins)
        ]
        vout = [
            {
                "value": sats(150 + 3.1234567 * index + number),
                "scriptpubkey": a_script((number, index), "p2tr" if index % 3 == 1 else "p2wpkh"),
            }
            for index in range(outs)
        ]
        yield msgspec.json.encode(
            {
                "txid": a_txid((ins, outs, number)),
                "vin": vin,
                "vout": vout,
                "fee": 2_000,
                "weight": 561,
                "status": {"confirmed": False},
            }
        )


def _answered(tx: Transaction) -> Transaction:
    """With the values of its inputs, as when the backend has answered."""
    share = (tx.gross + 2_000) // len(tx.inputs) + 1
    return replace(tx, inputs=tuple(replace(spent, value=Sats(share)) for spent in tx.inputs))
