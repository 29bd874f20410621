"""A real bitcoind in regtest, driven by the test through RPC of the test's own."""

import json
import subprocess
import time
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from tests.node.parts import bitcoind_binary, free_port

USER = "spout"
PASSWORD = "p@ss/w%rd"
START_SECONDS = 30.0
FEE = Decimal("0.0001")


@dataclass(frozen=True)
class Coin:
    txid: str
    vout: int
    amount: Decimal


class RpcError(Exception):
    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.code = error["code"]


@dataclass
class Node:
    """`settings` are lines of bitcoin.conf's [regtest] section; ZMQ topics in `zmq` are published."""

    directory: Path
    settings: tuple[str, ...] = ()
    zmq: tuple[str, ...] = ("rawtx", "sequence", "hashblock")
    rpc_port: int = field(default_factory=free_port)
    zmq_port: int = field(default_factory=free_port)
    host: str = "127.0.0.1"
    launcher: tuple[str, ...] = ()
    """What it is started through, such as `ip netns exec NAME`."""
    process: subprocess.Popen[bytes] | None = None
    http: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=30.0))

    @property
    def url(self) -> str:
        return f"http://{USER}:{quote(PASSWORD, safe='')}@{self.host}:{self.rpc_port}"

    @property
    def zmq_urls(self) -> dict[str, str]:
        return dict.fromkeys(self.zmq, f"tcp://{self.host}:{self.zmq_port}")

    @property
    def settings_of_spout(self) -> dict[str, str]:
        """The environment of a Spout that watches this node alone."""
        zmq = {f"SPOUT_BITCOIND_ZMQ_{topic.upper()}": address for topic, address in self.zmq_urls.items()}
        return {"SPOUT_SOURCE": "bitcoind", "SPOUT_BITCOIND_URL": self.url, **zmq}

    @property
    def cookie_file(self) -> Path:
        return self.directory / "regtest" / ".cookie"

    def start(self, *arguments: str, wait: bool = True) -> None:
        self._configure()
        errors = self.directory / "stderr.log"
        self.process = subprocess.Popen(
            [*self.launcher, str(bitcoind_binary()), f"-datadir={self.directory}", "-regtest", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=errors.open("w"),
        )
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                if self.call("getmempoolinfo")["loaded"]:
                    break
            except (httpx.HTTPError, RpcError):
                assert self.process
                assert self.process.poll() is None, "bitcoind ended at its start"
            assert time.monotonic() < deadline, "bitcoind did not start"
            time.sleep(0.05)
        if "wallet" not in self.call("listwallets") and (self.directory / "regtest/wallets/wallet").exists():
            self.call("loadwallet", "wallet")

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(START_SECONDS)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait(START_SECONDS)

    def call(self, method: str, *params: object) -> Any:
        body = json.dumps({"id": 1, "method": method, "params": params}, default=str)
        answer = self.http.post(
            f"http://{self.host}:{self.rpc_port}",
            content=body,
            auth=(USER, PASSWORD),
            timeout=30,
        )
        reply = json.loads(answer.text, parse_float=Decimal)
        if reply["error"]:
            raise RpcError(reply["error"])
        return reply["result"]

    def mine(self, blocks: int = 1, address: str | None = None) -> list[str]:
        found: list[str] = self.call("generatetoaddress", blocks, address or self.address())
        return found

    def address(self) -> str:
        found: str = self.call("getnewaddress")
        return found

    def coins(self) -> list[Coin]:
        """Mature coins of the wallet that nothing spends yet, the largest first."""
        coins = [Coin(one["txid"], one["vout"], one["amount"]) for one in self.call("listunspent", 1)]
        return sorted(coins, key=lambda coin: -coin.amount)

    def sign(self, coins: list[Coin], outputs: dict[str, Decimal], sequence: int = 0xFFFFFFFD) -> str:
        """A signed transaction, in hex; its fee is what `outputs` leave of `coins`."""
        inputs = [{"txid": coin.txid, "vout": coin.vout, "sequence": sequence} for coin in coins]
        raw = self.call("createrawtransaction", inputs, [{to: str(sum_)} for to, sum_ in outputs.items()])
        signed = self.call("signrawtransactionwithwallet", raw)
        assert signed["complete"], signed
        hex_: str = signed["hex"]
        return hex_

    def whale(self, coins: list[Coin] | None = None, fee: Decimal = FEE) -> str:
        """A signed transaction of three coins (150 BTC) to one address."""
        spent = coins or self.coins()[:3]
        return self.sign(spent, {self.address(): sum((coin.amount for coin in spent), Decimal(0)) - fee})

    def send(self, raw: str) -> str:
        txid: str = self.call("sendrawtransaction", raw, 0)
        return txid

    def _configure(self) -> None:
        zmq = [f"zmqpub{topic}=tcp://{self.host}:{self.zmq_port}" for topic in self.zmq]
        lines = [
            "[regtest]",
            f"rpcport={self.rpc_port}",
            f"rpcbind={self.host}",
            f"rpcallowip={'127.0.0.1' if self.host == '127.0.0.1' else '10.0.0.0/8'}",
            "listen=0",
            "dnsseed=0",
            "fallbackfee=0.0001",
            "walletbroadcast=0",
            *zmq,
            *self.settings,
        ]
        if not any(line.startswith("rpcauth") or line == "cookie" for line in self.settings):
            lines += [f"rpcuser={USER}", f"rpcpassword={PASSWORD}"]
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "bitcoin.conf").write_text(
            "\n".join(line for line in lines if line != "cookie") + "\n"
        )
