"""Good inputs of each surface, made by the tests' own builders; whatever is fuzzed is made of these."""

import gzip
import json
from hashlib import sha256
from typing import Any

from app.data import entities_table
from tests.backend.transactions import Built, a_child, a_payment, a_whale, bumped
from tests.builders import DAY
from tests.notifiers.builders import SECRET, TOKEN

Json = dict[str, Any]
LARGE = 60_000
"""Bytes: each surface gets an input of about so many too, for what takes long only then."""
ADDRESS = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
HEADER = "00" * 80
HEADER_HASH = sha256(sha256(bytes(80)).digest()).digest()[::-1].hex()
HASH, PARENT = "01" * 32, "02" * 32

_whale = a_whale()
_mined = {"confirmed": True, "block_height": 800, "block_hash": HASH}
_block = {"id": HASH, "height": 800, "timestamp": 1_763_000_000, "previousblockhash": PARENT, "tx_count": 1}
_fees = {"fastestFee": 5, "halfHourFee": 4, "hourFee": 3, "economyFee": 2, "minimumFee": 1}
_queue = [
    {"blockSize": 1, "blockVSize": 10.5, "nTx": 1, "totalFees": 9, "medianFee": 1.0, "feeRange": [1, 2]}
]
_line = [_whale.txid, 9, 141.25, 10**10, 7.1, 1, 1_763_000_000]


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


_mempool: Json = {
    "loaded": True,
    "size": 9,
    "bytes": 9_000,
    "usage": 20_000,
    "maxmempool": 300_000_000,
    "mempoolminfee": 0.00001,
}


def _delta(*added: Built, sequence: int = 1, **parts: Any) -> Json:
    wires = [one.wire(prevouts=True) for one in added]
    rest = {"removed": [], "mined": [], "replaced": [], **parts}
    return {"mempool-transactions": {"sequence": sequence, "added": wires, **rest}}


def frames() -> list[bytes]:
    """Several frames of one connection stand on a line each."""
    winner = bumped(_whale, 5_000)
    replaced = _delta(sequence=2, replaced=[{"replaced": _whale.txid, "by": winner.wire(prevouts=True)}])
    many = _delta(*(a_payment(n * 10**7) for n in range(1, 40)))
    return [
        _compact(_delta(_whale, a_payment(10**8), a_child(_whale))),
        b"\n".join(map(_compact, (_delta(_whale), replaced, _delta(sequence=4, removed=[winner.txid])))),
        b"\n".join(
            map(_compact, (_delta(_whale), {"block": _block, **_delta(sequence=2, mined=[_whale.txid])}))
        ),
        _compact({"mempool-blocks": _queue, "mempoolInfo": _mempool}),
        _compact({"projected-block-transactions": {"index": 0, "blockTransactions": [_line]}}),
        _compact(
            {
                "projected-block-transactions": {
                    "index": 0,
                    "delta": {"added": [_line], "changed": [[_whale.txid, 8.5, 1, 0]]},
                }
            }
        ),
        _compact({"loadingIndicators": {"mempool": 80}, "fees": _fees, "blocks": [_block]}),
        _compact({"conversions": {"time": 1_763_000_000, "USD": 90_000, "EUR": 80_000.5}}),
        _compact(many)[:LARGE],
        _compact(_delta(*(a_payment(n * 10**7) for n in range(1, 25)))),
        b"[" * LARGE,
        b'{"blocks":' + b"[" * LARGE,
        _compact({"mempool-blocks": _queue * 500}),
    ]


def raw_transactions() -> list[bytes]:
    built = [_whale, a_child(_whale), *(a_payment(kind=kind) for kind in ("p2wsh", "p2pkh", "p2tr"))]
    raw = [one.raw.serialize() for one in built]
    many = a_payment(kind="p2wsh").raw.serialize()
    return [
        *raw,
        b"\x02\0\0\0" + b"\xfd\xe8\x05" + (b"\x11" * 36 + b"\0" + b"\xff" * 4) * 1_400 + b"\0\0\0\0\0",
        many * (LARGE // len(many)),
        bytes(32) + b"A" + bytes(8),
        bytes(32) + b"C",
    ]


def electrum_lines() -> list[bytes]:
    """What a server answers to one request after the other, each on a line; then come notifications."""
    raw = _whale.raw.serialize().hex()
    answers: list[Any] = [
        ["Made-up 1.0", "1.4"],
        {"height": 920_000, "hex": HEADER},
        {"hex": HEADER * 8, "count": 8},
        {"hex": raw, "blockhash": HEADER_HASH, "confirmations": 2},
        [[12.0, 400_000], [3.0, 900_000]],
        0.0003,
        None,
        HEADER,
        0.0002,
        {"hex": raw},
        0.0001,
        raw,
        0.00005,
        0.00001,
        [[5.5, 100_000]],
        None,
    ]
    lines = [_compact({"jsonrpc": "2.0", "id": n, "result": one}) for n, one in enumerate(answers, 1)]
    tip = _compact({"method": "blockchain.headers.subscribe", "params": [{"height": 920_001, "hex": HEADER}]})
    refused = [
        _compact({"id": n, "error": {"code": -32603, "message": "being indexed"}}) for n in range(1, 12)
    ]
    large = _compact({"id": 5, "result": [[n / 7, 1_000] for n in range(2_000)]})
    return [
        b"\n".join(lines),
        b"\n".join([*lines[:7], tip, *lines[7:]]),
        b"\n".join(refused),
        b"\n".join([*lines[:2], *refused[2:]]),
        b"\n".join([*lines[:4], large, *lines[5:]]),
        b"\n" * LARGE,
        b'{"id":1,"result":' + b"[" * LARGE,
    ]


def recordings() -> list[bytes]:
    seen = _delta(_whale)
    seen["mempool-transactions"]["added"][0]["firstSeen"] = 1_763_000_000
    lines = [
        {"t": 0.5, "dir": "meta", "frame": {"event": "connected"}},
        {"t": 0.6, "dir": "out", "frame": {"action": "want"}},
        {"t": 1.5, "dir": "in", "frame": seen},
        {"t": 2.5, "dir": "in", "frame": {"block": _block}},
    ]
    asked = [{"txid": PARENT, "vout": 0}]
    rest = [
        {"t": 1.0, "method": "GET", "path": f"/api/v1/tx/{HASH}", "status": 200, "body": _whale.wire()},
        {"t": 2.0, "path": "/api/v1/fees/recommended", "status": 404, "body": "no"},
        {
            "method": "POST",
            "path": "/api/v1/prevouts",
            "status": 200,
            "request": asked,
            "body": [{"prevout": {"value": 1, "scriptpubkey": "00"}}],
        },
    ]
    played, answered = (b"\n".join(map(_compact, one)) + b"\n" for one in (lines, rest))
    return [
        played,
        answered,
        gzip.compress(played, mtime=0),
        gzip.compress(answered, mtime=0) * 2,
        (played * 100)[:LARGE],
        b'{"t":1,"dir":"in","frame":' + b"[" * LARGE,
    ]


def backend_bodies() -> list[bytes]:
    """One reply after the other, each on a line; a status that is not 200 stands before it."""
    transaction = _whale.wire(prevouts=True)
    summary = [{"txid": _whale.txid, "value": 10**10, "fee": 500.0, "vsize": 141.25}]
    package = {"effectiveFeePerVsize": 5.5, "ancestors": [{"txid": PARENT}], "descendants": []}
    prevouts = [{"prevout": {"value": 10**10, "scriptpubkey": "0014" + "ab" * 20}}, None]
    replaced = {"replacements": {"tx": {"txid": PARENT}}}
    bodies: list[Any] = [
        transaction,
        _mined,
        prevouts,
        package,
        _fees,
        _queue,
        [_whale.txid, PARENT],
        [_block],
    ]
    return [
        *map(_compact, bodies),
        b"\n".join([_compact({**transaction, "status": _mined}), _compact(_mined)]),
        b"404 Transaction not found\n" + _compact(replaced),
        b"\n".join([_compact(_block), _compact(summary)]),
        b"\n".join([_compact([_whale.txid]), b'"' + HASH.encode() + b'"', b"800", _compact(transaction)]),
        b"500 No such mempool transaction. Use -txindex\n" + _compact(replaced),
        b"\n".join([_compact(_fees), _compact(_queue)]),
        _compact([HASH] * 800),
        _compact(summary * 500),
        b"[" * LARGE,
    ]


_out = {"value": 1.5, "confirmations": 3, "scriptPubKey": {"hex": "0014" + "ab" * 20}}
_entry = {
    "vsize": 141,
    "weight": 561,
    "time": 1_763_000_000,
    "ancestorcount": 2,
    "ancestorsize": 300,
    "descendantcount": 2,
    "depends": [PARENT],
    "spentby": [],
    "fees": {"base": 0.00001, "modified": 0.00001, "ancestor": 0.00002, "descendant": 0.00001},
}
_header = {"hash": HASH, "height": 800, "confirmations": 2, "time": 1_763_000_000}
_verbose = {
    "txid": _whale.txid,
    "hex": _whale.raw.serialize().hex(),
    "weight": 561,
    "vin": [{"txid": PARENT, "vout": 0, "prevout": _out}],
    "fee": 0.00001,
}
_chain = {
    "chain": "main",
    "blocks": 800,
    "headers": 800,
    "bestblockhash": HASH,
    "initialblockdownload": False,
    "verificationprogress": 1.0,
    "pruned": False,
}
_mempool = {"size": 1, "bytes": 141, "usage": 1_000, "maxmempool": 300_000_000, "mempoolminfee": 0.00001}
_template = {"fee": 500, "weight": 561, "depends": []}
NODE: dict[str, Any] = {
    "getblockchaininfo": _chain,
    "getmempoolinfo": {**_mempool, "loaded": True},
    "getbestblockhash": HASH,
    "getblock": {**_header, "tx": [_whale.txid]},
    "getblockheader": _header,
    "getzmqnotifications": [{"type": "pubrawtx", "address": "tcp://127.0.0.1:28332"}],
    "getrawmempool": [_whale.txid],
    "getrawtransaction": _whale.raw.serialize().hex(),
    "getmempoolentry": _entry,
    "estimatesmartfee": {"feerate": 0.0001, "blocks": 2},
    "getblocktemplate": {"transactions": [{**_template, "txid": _whale.txid}], "height": 801},
    "uptime": 9,
}
"""What a node says to each call of a session."""


def node_bodies() -> list[bytes]:
    """Replies to one call after the other, each on a line, as bitcoind writes them."""
    block = {**_header, "previousblockhash": PARENT, "tx": [{**_verbose, "vout": [_out]}]}
    results: list[tuple[Any, ...]] = [
        (_entry, {PARENT: _entry}, {PARENT: _entry}),
        ({**_verbose, "blockhash": HASH}, _header, _header),
        (_verbose, _entry),
        (_out, _out, _out),
        (_header, block),
        ([_whale.txid], HASH, _header),
    ]
    refused = {"result": None, "error": {"code": -5, "message": "Transaction not in mempool"}}
    lines = [b"\n".join(map(node_reply, many)) for many in results]
    return [
        *lines,
        b"\n".join([_compact(refused), lines[1]]),
        b"\n".join([_compact(refused)] * 3),
        node_reply([HASH] * 800),
        b'{"result":' + b"[" * LARGE,
    ]


def node_reply(result: Any) -> bytes:
    return _compact({"result": result, "error": None})


def requests() -> list[bytes]:
    label = {"address": ADDRESS, "entity": "Somebody", "kind": "exchange", "private": True}
    found = {
        "status": "pending",
        "flow_type": "inflow",
        "min_btc_value": "100.5",
        "min_urgency": "high",
        "entity": "Binance",
        "txid": HASH,
        "address": ADDRESS,
        "start_date": "2026-11-22",
        "end_date": "2026-11-23T10:00:00Z",
        "sort": "-detected_at",
        "limit": "10",
        "cursor": "abc",
    }
    bodies = [
        label,
        {"labels": [label, {**label, "created_at": "2026-11-22"}]},
        found,
        {"key": "spout_abc"},
        {"name": "reader", "scope": "read"},
        {"password": "open sesame", "current": "open sesame"},
        {"SPOUT_RETENTION_DAYS": 30, "SPOUT_TIMEZONE": "Europe/Paris", "SPOUT_WHALE_THRESHOLD_BTC": "12.5"},
        {"period": "weekly", "days": "30"},
        {"overlap_seconds": 3_600},
        {"endpoint_id": "ep_1", "since": "2026-11-22T10:00:00Z"},
        {"labels": [label] * 500},
        {f"name{n}": n for n in range(4_000)},
    ]
    return [*map(_compact, bodies), b'{"a":' * (LARGE // 5), b'{"a":1,' * 100, b'{"labels":[' + b"9" * LARGE]


def stream_messages() -> list[bytes]:
    wanted = {
        "types": ["whale.detected", "whale.confirmed"],
        "status": "pending",
        "flow_type": ["inflow"],
        "min_btc_value": "100.5",
        "min_urgency": "high",
        "entity": "Binance",
    }
    return [
        _compact({"token": "reader", "subscribe": {}, "after": 0}),
        _compact({"subscribe": wanted, "after": 7}),
        _compact({"key": "reader", "subscribe": {**wanted, "types": None, "min_btc_value": 12.5}}),
        _compact({"subscribe": {"types": ["whale.detected"] * 3_000}}),
        _compact({"subscribe": {"entity": "x" * LARGE}}),
        b'{"subscribe":' * (LARGE // 13),
    ]


def label_files() -> list[bytes]:
    table = entities_table().splitlines()
    rows = [line.split(",") for line in table[1:1_500]]
    own = ["address,entity,group,kind,basis,created_at,private", f"{ADDRESS},Somebody,,exchange,,{DAY},true"]
    wallet = [
        {"type": "addr", "ref": ADDRESS, "label": "mine"},
        {"type": "tx", "ref": HASH, "label": "paid"},
        {"type": "xpub", "ref": "xpub", "label": None},
    ]
    large = "address,entity\n" + "".join(f"{row[0]},{row[1]}\n" for row in rows)
    lines = b"\n".join(map(_compact, wallet)) + b"\n"
    return [
        "\n".join(own).encode(),
        "\ufeff".encode() + "\r\n".join(own).replace(",", ";").encode(),
        f'address\tentity\n{ADDRESS}\t"Some ""one"", too"\n0014{"ab" * 20}\tNobody\n'.encode(),
        lines,
        large.encode()[:LARGE],
        lines * 300,
        b'address,entity\n"' + b'""' * (LARGE // 2),
        b"{" * LARGE,
        ("address,entity\n" + "1" * LARGE).encode(),
        ("address,entity\nbc1" + "q" * LARGE).encode(),
    ]


def settings() -> list[bytes]:
    """The environment's, one on a line."""
    known = (
        "SPOUT_SOURCE=auto",
        "SPOUT_MEMPOOL_URL=http://user:secret@127.0.0.1:8999",
        "SPOUT_ELECTRS_URL=ssl://umbrel.local:50002",
        "SPOUT_BITCOIND_URL=http://user:pass%2Fword@127.0.0.1:8332",
        "SPOUT_BITCOIND_ZMQ_RAWTX=tcp://127.0.0.1:28332",
        "SPOUT_DATA_DIR=~/spout",
        "SPOUT_HOST=0.0.0.0",
        "SPOUT_PORT=8411",
        "SPOUT_PASSWORD=open sesame",
        "SPOUT_TRUST_PROXY_AUTH=true",
        "SPOUT_TRUSTED_PROXIES=10.21.0.2, 10.21.0.0/16 caddy",
        "SPOUT_WHALE_THRESHOLD_BTC=12.5",
        "SPOUT_RETENTION_DAYS=30",
        "SPOUT_MEMORY_LIMIT_MB=500",
        "SPOUT_MAX_FRAME_MB=64",
        "SPOUT_ACCURACY_ALERT_BELOW=0.7",
        "SPOUT_OUTBOUND_PROXY=socks5h://user:secret@127.0.0.1:9050",
        "SPOUT_ALLOWED_TARGETS=192.168.1.0/24,homeassistant",
        "SPOUT_TIMEZONE=Europe/Paris",
        "SPOUT_MQTT_URL=mqtts://user:secret@broker:8883",
        "SPOUT_CURRENCY=eur",
        "SPOUT_LOG_LEVEL=INFO",
        "SPOUT_LOG_FORMAT=json",
        "SPOUT_THRESHOLD_BTC=100",
        "SPOUT_SECRET_FILE=/nowhere",
    )
    return [
        *(line.encode() for line in known),
        "\n".join(known[:-3]).encode(),
        ("SPOUT_TRUSTED_PROXIES=" + "10.0.0.1," * (LARGE // 9)).encode(),
        ("SPOUT_MEMPOOL_URL=http://" + "a." * (LARGE // 2)).encode(),
        ("SPOUT_HOST=0.0.0.0\nSPOUT_DATA_DIR=" + "x" * LARGE).encode(),
        "".join(f"SPOUT_{n}=1\n" for n in range(4_000)).encode(),
        ("SPOUT_WHALE_THRESHOLD_BTC=" + "9" * LARGE).encode(),
    ]


def endpoints() -> list[bytes]:
    every = {
        "reach": "lan",
        "rules": {
            "types": ["whale.detected"],
            "flow_types": ["inflow"],
            "entities": ["Binance"],
            "min_moved_btc": "100.5",
            "min_urgency": "high",
        },
        "quiet_hours": {"from": "22:00", "to": "07:00"},
        "muted_until": "2026-11-23T10:00:00Z",
        "budget_per_hour": 20,
        "template": "$title: $amount by ${senders} $$",
        "watch": {
            "fee_under": 3.5,
            "net_flow": [{"entity": "Binance", "btc": "1000", "hours": 6}],
            "report": {"every": "week", "at": "09:00"},
        },
        "follows": ["p_1"],
    }
    mail = {
        "host": "mail.example",
        "port": 587,
        "username": "me",
        "password": "secret",
        "from": "Spout <spout@mail.example>",
        "to": "me@mail.example",
    }
    made = [
        {"name": "hook", "kind": "webhook", "url": "http://10.0.0.2:80/x?y=1", **every},
        {
            "name": "hook",
            "kind": "webhook",
            "url": "https://hooks.example/x",
            "secret": SECRET,
        },
        {"name": "pulse", "kind": "heartbeat", "url": "https://hc.example/x", "every_minutes": 5},
        {"name": "mail", "kind": "email", "email": mail, "reach": "public"},
        {
            "name": "chat",
            "kind": "telegram",
            "telegram": {"token": TOKEN, "chat_id": 42},
        },
        *(
            {"name": "service", "kind": "apprise", "url": url}
            for url in (
                "ntfys://ntfy.sh/whales",
                "gotify://gotify.example/Aabcdefghijklmn",
                "discord://123456789012345678/abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
                "matrixs://user:secret@matrix.example/#room",
                "pover://userkeyuserkeyuserkeyuserkey12@tokentokentokentokentoken1234",
            )
        ),
        {"kind": "webhook", **every},
        {"name": "other", "enabled": False, "url": "https://hooks.example/y"},
        {"email": {"password": "another", "from": "a@b.example"}, "reach": "onion"},
    ]
    large = {**made[0], "rules": {"entities": ["x" * 99] * 200}, "follows": ["y" * 79] * 450}
    return [
        *map(_compact, made),
        _compact(large),
        _compact({**made[1], "url": "http://" + "a" * 1_990}),
        _compact({**made[0], "template": "$" * 4_000}),
        _compact({**made[0], "rules": {"types": ["x"] * 5_000}}),
    ]
