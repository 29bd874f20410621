"""Good inputs, changed at random: what comes of them is a value or an error of ours, soon and without growth.

From seeds: a part in `make test`, a million inputs in `make soak`. A failure prints the input that made it.
"""

import asyncio
import json
import os
import random
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from app.api.models import EndpointChange, EndpointPreview, NewEndpoint, PredictionFilters, Subscription
from app.api.models.reading import read
from app.core.encoding import decode
from app.core.flow import parse_labels
from app.core.flow.bip329 import parse_wallet_labels
from app.core.models import SourceName
from app.core.units import SATS_PER_BTC, Sats
from app.errors import SpoutError
from app.settings import read_settings
from app.source.backend import decode as backend
from app.source.backend.frames import FrameReader
from app.source.electrum.lines import lines_of
from app.source.recording import moments
from app.source.resilience import Budget
from tests.backend.transactions import a_child, a_payment, a_whale, bumped
from tests.builders import DAY

EACH = 120_000 if os.environ.get("SPOUT_SOAK") else 250
LONGEST_SECONDS = 2.0
GROWTH_BYTES = 4 * 1024 * 1024
REST = SourceName.MEMPOOL_REST
NASTY = (
    b"null", b"true", b"-1", b"0", b"1e400", b"-1e400", b"NaN", b"9" * 400, b'""', b"[]", b"{}", b'"\\u0000"',
    b'"\\ud800"', b"\xff\xfe", b"\x00", b"[" * 300, b'{"a":' * 300, b"2" * 19, b"0.1", b"9" * 20,
    b",", b"\n", b"=cmd()", b"../..", b"http://[::1", b"://", b"%00", b"\xe2\x80\xae",
)  # fmt: skip

_whale = a_whale()
_frames = [
    {
        "mempool-transactions": {
            "sequence": 1,
            "added": [_whale.wire(), a_payment(1 * 10**8).wire(prevouts=True)],
            "removed": [a_whale().txid],
            "mined": [],
            "replaced": [{"replaced": [_whale.txid], "by": bumped(_whale, 5_000).wire()}],
        }
    },
    {"mempool-blocks": [{"blockSize": 1, "blockVSize": 10.5, "nTx": 1, "totalFees": 9, "medianFee": 1.0}]},
    {
        "projected-block-transactions": {
            "index": 0,
            "blockTransactions": [[_whale.txid, 9, 1.5, 10**10, 1, 1]],
        }
    },
    {"loadingIndicators": {"mempool": 80}, "fees": {"fastestFee": 1, "halfHourFee": 1, "hourFee": 1}},
]
_endpoint = {
    "name": "mine",
    "kind": "webhook",
    "url": "https://hooks.example/x",
    "reach": "public",
    "rules": {"types": ["whale.detected"], "min_btc": "100.5"},
    "quiet": {"from": "22:00", "to": "07:00"},
}


def _frame(raw: bytes) -> None:
    for threshold in (None, lambda: Sats(100 * SATS_PER_BTC)):
        list(FrameReader(threshold).feed(raw))


def _rest(raw: bytes) -> None:
    readers: tuple[Callable[[], object], ...] = (
        lambda: backend.transaction(raw),
        lambda: backend.block(raw),
        lambda: backend.block_entries(raw),
        lambda: backend.fees(raw, REST),
        lambda: backend.queue(raw, REST),
        lambda: backend.mempool(raw, REST),
        lambda: list(backend.prevouts(raw, ())),
    )
    for reader in readers:
        _ours(reader)


def _lines(raw: bytes) -> None:
    async def go() -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(raw)
        reader.feed_eof()
        async for line in lines_of(reader, Budget(), 10_000):
            _ours(lambda line=line: backend.decode_as(dict[str, Any], line, "line"))

    asyncio.run(go())


def _text(reader: Callable[[str], object]) -> Callable[[bytes], None]:
    return lambda raw: _ours(lambda: reader(raw.decode(errors="surrogateescape")))


def _asked(raw: bytes) -> None:
    try:
        sent = json.loads(raw)
    except (ValueError, RecursionError):
        return  # the API's own reading of JSON refuses it; tests/api
    if isinstance(sent, dict):
        for shape in (NewEndpoint, EndpointChange, EndpointPreview, PredictionFilters, Subscription):
            _ours(lambda shape=shape: read(shape, sent))


def _settings(raw: bytes) -> None:
    text = raw.decode(errors="surrogateescape").replace("\0", "")
    for line in text.splitlines():
        name, _, value = line.partition("=")
        _ours(lambda name=name, value=value: read_settings({name: value}))


def _ours(work: Callable[[], object]) -> None:
    with suppress(SpoutError):  # a refusal, in our words
        work()


KINDS: dict[str, tuple[Callable[[bytes], None], list[bytes]]] = {
    "wire": (_frame, [json.dumps(one, separators=(",", ":")).encode() for one in _frames]),
    "raw transactions": (
        lambda raw: _ours(lambda: decode(raw)),
        [
            tx.raw.serialize()
            for tx in (_whale, a_child(_whale), a_payment(kind="p2wsh"), a_payment(kind="p2pkh"))
        ],
    ),
    "rest": (
        _rest,
        [
            json.dumps(_whale.wire(prevouts=True)).encode(),
            b'{"id":"%064x","height":800,"timestamp":1,"previousblockhash":"%064x","tx_count":1}' % (1, 2),
            b'{"fastestFee":1,"halfHourFee":1,"hourFee":1,"economyFee":1,"minimumFee":1}',
            b'[{"blockSize":1,"blockVSize":10.5,"nTx":1,"totalFees":9,"medianFee":1.0,"feeRange":[1,2]}]',
        ],
    ),
    "electrum lines": (
        _lines,
        [b'{"id":1,"result":"00"}\n{"method":"blockchain.headers.subscribe","params":[{}]}\n'],
    ),
    "label files": (
        _text(lambda text: parse_labels(text, today=DAY)),
        [b"address,entity,kind\nbc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq,Somebody,exchange\n"],
    ),
    "wallet labels": (
        _text(lambda text: parse_wallet_labels(text, today=DAY)),
        [b'{"type":"addr","ref":"bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq","label":"mine"}\n'],
    ),
    "requests": (
        _asked,
        [json.dumps(_endpoint).encode(), b'{"subscribe":["whales"],"min_btc":"100","from":1}'],
    ),
    "settings": (
        _settings,
        [
            b"SPOUT_MEMPOOL_URL=http://127.0.0.1:8999\nSPOUT_WHALE_THRESHOLD_BTC=100\nSPOUT_TIMEZONE=Europe/Paris\n"
        ],
    ),
}


def changed(chance: random.Random, raw: bytes) -> bytes:
    """Change it at one to three places: bits, cuts, repetitions, and what parsers stumble over."""
    out = bytearray(raw)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(out) + 1)
        to = min(len(out), at + chance.choice((0, 1, 4, 16, 200)))
        match chance.randrange(5):
            case 0 if at < len(out):
                out[at] ^= 1 << chance.randrange(8)
            case 1:
                del out[at:to]
            case 2:
                out[at:at] = out[at:to] * chance.choice((1, 3))
            case 3:
                out[at:to] = chance.choice(NASTY)
            case _:
                _in_place_of_a_value(chance, out)
    return bytes(out)


def _in_place_of_a_value(chance: random.Random, out: bytearray) -> None:
    """Put something nasty where a JSON value stands."""
    places = [place for place, byte in enumerate(out) if byte == ord(":")]
    if places:
        start = chance.choice(places) + 1
        end = start
        while end < len(out) and out[end] not in b",}]\n":
            end += 1
        out[start:end] = chance.choice(NASTY)


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_sent_is_read_or_refused_in_our_words(kind: str) -> None:
    take, good = KINDS[kind]
    chance = random.Random(kind)
    for one in good:
        take(one)
    for _ in range(EACH):
        sent = changed(chance, chance.choice(good))
        began = time.process_time()
        try:
            take(sent)
        except Exception as error:
            raise AssertionError(f"{type(error).__name__} by {sent!r}") from error
        assert time.process_time() - began < LONGEST_SECONDS, sent


@pytest.mark.soak
def test_what_was_refused_is_not_kept() -> None:
    chance, (take, good) = random.Random(1), KINDS["wire"]
    inputs = [changed(chance, chance.choice(good)) for _ in range(100)]
    for sent in inputs:
        take(sent)
    tracemalloc.start()
    try:
        for sent in inputs * (EACH // 250):
            take(sent)
        assert tracemalloc.get_traced_memory()[0] < GROWTH_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.soak
def test_recordings_that_were_changed_are_refused_in_our_words(tmp_path: Path) -> None:
    chance, file = random.Random(2), tmp_path / "changed.jsonl"
    good = b'{"t":1.5,"dir":"in","frame":{"loadingIndicators":{}}}\n' * 2
    for _ in range(EACH):
        file.write_bytes(sent := changed(chance, good))
        try:
            _ours(lambda: list(moments(file)))
        except Exception as error:
            raise AssertionError(f"{type(error).__name__} by {sent!r}") from error
