"""What goes wrong in a simulation, one function each. `faulty` then has how it is mended, if it lasts."""

import asyncio
import json
import resource
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final

from tests.backend.shapes import extended
from tests.backend.subscriptions import Client
from tests.notifiers.receivers import Say
from tests.simulation.core_node import CoreNode
from tests.simulation.electrum_server import ElectrumServer
from tests.simulation.receiver_in_memory import NEVER

if TYPE_CHECKING:
    from tests.simulation.whole import Simulation

PORT: Final = 8_999
RPC_PORT: Final = 18_443
ZMQ_PORT: Final = 28_332
ELECTRUM_PORT: Final = 50_001
GARBAGE: Final = (
    "not JSON at all",
    '{"mempool-transactions": {"sequence": "nine"}}',
    '{"mempool-transactions": {"sequence": 4, "added": [{"txid": 7}]}}',
    '{"block": null, "blocks": {}}',
    b"\xff\xfe{}",
    "[" * 3_000,
    '{"mempool-blocks": [{"blockVSize": -1}], "fees": []}',
)


async def cut(sim: "Simulation") -> None:
    sim.backend.cut()


async def refuse(sim: "Simulation") -> None:
    await sim.backend.refuse()
    sim.faulty.append(sim.backend.listen)


async def freeze(sim: "Simulation") -> None:
    """A backend that stands still tells later what this one loses: so the link breaks when it goes on."""
    sim.backend.freeze()

    async def thaw() -> None:
        sim.backend.thaw()
        sim.backend.cut()

    sim.faulty.append(thaw)


async def restart(sim: "Simulation") -> None:
    await sim.backend.restart(
        down_seconds=sim.chance.choice((0.5, 4.0)),
        sync_seconds=sim.chance.choice((0.2, 3.0)),
        keep_pool=sim.chance.random() < 0.5,
        lost_blocks=sim.chance.random() < 0.3,
    )


async def garbage(sim: "Simulation") -> None:
    sim.backend.send_raw(sim.chance.choice(GARBAGE), binary=sim.chance.random() < 0.3)


async def absurd_height(sim: "Simulation") -> None:
    """A block that nothing leads to: neither are the whales late then, nor the other sources behind."""
    block_hash, previous = (sim.chance.randbytes(32).hex() for _ in range(2))
    block = {**extended(sim.world.tip), "height": 9_000_000, "id": block_hash, "previousblockhash": previous}
    sim.lied_of_a_tip = True
    sim.backend.send_raw(json.dumps({"block": block}))


async def half_a_frame(sim: "Simulation") -> None:
    sim.backend.send_half_frame('{"mempool-transactions": {"sequence": 9, "added": []}}')


async def lost_frames(sim: "Simulation") -> None:
    links = list(sim.numbered)

    async def as_ever() -> None:
        sim.fate = ""
        _notice(sim, links)

    sim.fate = "lost"
    sim.faulty.insert(0, as_ever)


async def late_frames(sim: "Simulation") -> None:
    async def as_ever() -> None:
        sim.fate = ""
        held, sim.held = sim.held, []
        for links, frame in held:
            if links == sim.backend.clients:
                sim.deliver(frame)

    sim.fate = "late"
    sim.faulty.insert(0, as_ever)


async def repeated_frames(sim: "Simulation") -> None:
    async def as_ever() -> None:
        sim.fate = ""

    sim.fate = "repeated"
    sim.faulty.insert(0, as_ever)


async def errors(sim: "Simulation") -> None:
    path = sim.chance.choice(("/api/v1/tx/*", "/api/v1/block*", "/api/v1/mempool/*", "*"))
    sim.backend.rest_error(path, sim.chance.choice((500, 502, 503, 429)))
    sim.faulty.append(_then(lambda: sim.backend.rest_error(path, 0)))


async def slow_answers(sim: "Simulation") -> None:
    sim.backend.slow_rest(sim.chance.choice((0.5, 3.0)))
    sim.faulty.append(_then(lambda: sim.backend.slow_rest(0.0)))


async def stalled_network(sim: "Simulation") -> None:
    sim.loop.network.stalled.add(PORT)
    sim.faulty.append(_then(lambda: sim.loop.network.heal(PORT)))


async def no_node(sim: "Simulation") -> None:
    if not sim.backend.played.rest.node_down:
        sim.backend.node_down()
        sim.faulty.append(_then(sim.backend.node_up))


async def full_disk(sim: "Simulation") -> None:
    log = sim.room / "spout.duckdb.wal"
    size = log.stat().st_size if log.exists() else 0
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + sim.chance.choice((64, 3_000)), hard))
    sim.faulty.append(_then(has_room))


async def stop(sim: "Simulation") -> None:
    has_room()
    await sim.life.stop()
    await sim.start()


async def kill(sim: "Simulation") -> None:
    has_room()
    await sim.kill()


async def deaf_receiver(sim: "Simulation") -> None:
    sim.receiver.script += [Say(status=503), Say(status=500, body=b"no")]


async def slow_receiver(sim: "Simulation") -> None:
    """It answers late, too late or never, and then it does as ever."""
    receiver = sim.receiver

    def is_quick() -> None:
        receiver.mood = None

    receiver.mood = Say(wait_seconds=sim.chance.choice((0.4, 3.0, 14.0, 16.0, NEVER)))
    sim.faulty.append(_then(is_quick))
    sim.something_to_alert_of()


async def busy_receiver(sim: "Simulation") -> None:
    """It is called too often, as it finds, or fails, and takes its time to say so."""
    receiver = sim.receiver

    def has_time() -> None:
        receiver.mood = None

    status, headers = sim.chance.choice(((429, {"Retry-After": "2"}), (429, {}), (500, {}), (503, {})))
    receiver.mood = Say(status=status, headers=headers, wait_seconds=sim.chance.choice((0.0, 1.0, 6.0)))
    sim.faulty.append(_then(has_time))
    sim.something_to_alert_of()


async def picky_receiver(sim: "Simulation") -> None:
    """The next alert it refuses, however often it comes."""
    if not sim.receiver.refused:
        sim.receiver.refuses_next = True
        sim.something_to_alert_of()


MISFORTUNES: Final[Mapping[str, Callable[["Simulation"], Awaitable[None]]]] = {
    one.__name__: one
    for one in (
        cut,
        refuse,
        freeze,
        restart,
        garbage,
        absurd_height,
        half_a_frame,
        lost_frames,
        late_frames,
        repeated_frames,
        errors,
        slow_answers,
        stalled_network,
        no_node,
        full_disk,
        stop,
        kill,
        deaf_receiver,
        slow_receiver,
        busy_receiver,
        picky_receiver,
    )
}


OF_OURS: Final = tuple(
    one.__name__
    for one in (full_disk, stop, kill, deaf_receiver, slow_receiver, busy_receiver, picky_receiver)
)
"""What goes wrong on this machine and with who is alerted, whatever the sources are."""


def _node(sim: "Simulation") -> CoreNode:
    assert sim.node is not None
    return sim.node


async def node_lags(sim: "Simulation") -> None:
    node = _node(sim)

    def keeps_up() -> None:
        node.lags = False
        node.catch_up()

    node.lags = True
    sim.faulty.append(_then(keeps_up))


async def node_set_back(sim: "Simulation") -> None:
    """It crashes, comes up without its last blocks or its mempool, and for a while hears nothing new."""
    node = _node(sim)

    async def is_whole() -> None:
        node.lags = node.loading = False
        node.catch_up()

    node.refuse()
    node.begin_anew(blocks_lost=sim.chance.choice((0, 0, 1, 3)), keeps_pool=sim.chance.random() < 0.5)
    await asyncio.sleep(sim.chance.choice((0.2, 4.0)))
    node.lags, node.loading = True, sim.chance.random() < 0.5
    await node.listen()
    sim.faulty.append(is_whole)


async def node_loses_messages(sim: "Simulation") -> None:
    """What ZMQ dropped is noticed by the number of the next message, unless it was the first one."""
    node = _node(sim)

    def speaks() -> None:
        node.deaf = False
        if not sim.publishers.notice_losses(ZMQ_PORT, {b"rawtx", b"sequence"}):
            sim.publishers.cut(ZMQ_PORT)
        sim.something_small()

    node.deaf = True
    sim.faulty.append(_then(speaks))


async def node_link_breaks(sim: "Simulation") -> None:
    sim.publishers.cut(ZMQ_PORT)
    sim.loop.network.cut(RPC_PORT)


async def node_freezes(sim: "Simulation") -> None:
    _node(sim).freeze()
    sim.faulty.append(_then(_node(sim).thaw))


async def node_lies(sim: "Simulation") -> None:
    """It tells of blocks and transactions that nobody has, and what is no message of bitcoind's."""
    node, nothing = _node(sim), sim.chance.randbytes(32)
    match sim.chance.randrange(6):
        case 0:
            node.publish(b"hashblock", nothing)
        case 1:
            node.publish(b"sequence", nothing + b"C")
        case 2:
            node.publish(b"sequence", nothing + b"A" + (2**60).to_bytes(8, "little"))
        case 3:
            node.publish(b"rawtx", nothing)
        case 4:
            node.publish(b"sequence", nothing + b"?")
        case _:
            node.publish_raw([b"rawtx", nothing])


async def node_lies_of_its_tip(sim: "Simulation") -> None:
    """For a while it names a tip that nobody has, far above its chain or next to it."""
    node = _node(sim)

    def owns_up() -> None:
        node.lie = None
        node.publish(b"hashblock", bytes.fromhex(node.chain[-1].hash))

    name, previous = (sim.chance.randbytes(32).hex() for _ in range(2))
    height = sim.chance.choice((9_000_000, node.chain[-1].height + 1))
    node.lie = {
        "hash": name,
        "height": height,
        "confirmations": 1,
        "time": node.chain[-1].time,
        "previousblockhash": previous,
    }
    sim.lied_of_a_tip = True
    node.publish(b"hashblock", bytes.fromhex(name))
    sim.faulty.append(_then(owns_up))


async def node_says_no(sim: "Simulation") -> None:
    node = _node(sim)

    def answers() -> None:
        node.broken = None

    node.broken = sim.chance.choice(
        (
            (503, b"Work queue depth exceeded"),
            (502, b"<html>no</html>"),
            (200, b'{"result": 7, "error": null, "id": null}'),
            (200, b'[{"result": ["x"], "id": 1}]'),
            (403, b""),
        )
    )
    sim.faulty.append(_then(answers))


async def node_is_slow(sim: "Simulation") -> None:
    node = _node(sim)

    def is_quick() -> None:
        node.slow_seconds = 0.0

    node.slow_seconds = sim.chance.choice((0.3, 2.0))
    sim.faulty.append(_then(is_quick))


NODE_MISFORTUNES: Final[Mapping[str, Callable[["Simulation"], Awaitable[None]]]] = {
    one.__name__: one
    for one in (
        node_lags,
        node_set_back,
        node_loses_messages,
        node_link_breaks,
        node_freezes,
        node_lies,
        node_lies_of_its_tip,
        node_says_no,
        node_is_slow,
    )
}


def _server(sim: "Simulation") -> ElectrumServer:
    assert sim.server is not None
    return sim.server


async def server_lags(sim: "Simulation") -> None:
    """Its index stands still, and at times its node."""
    server = _server(sim)

    def goes_on() -> None:
        server.lags = server.node_lags = False
        server.catch_up()

    server.lags, server.node_lags = True, sim.chance.random() < 0.5
    sim.faulty.append(_then(goes_on))


async def server_link_breaks(sim: "Simulation") -> None:
    _server(sim).cut()


async def server_is_down(sim: "Simulation") -> None:
    _server(sim).refuse()
    sim.faulty.append(_server(sim).listen)


async def server_freezes(sim: "Simulation") -> None:
    sim.loop.network.stalled.add(ELECTRUM_PORT)
    sim.faulty.append(_then(lambda: sim.loop.network.heal(ELECTRUM_PORT)))


async def server_says_no(sim: "Simulation") -> None:
    server = _server(sim)

    def answers() -> None:
        server.refuses = None

    server.refuses = sim.chance.choice(("still indexing", "internal error", "excessive resource usage"))
    sim.faulty.append(_then(answers))


async def server_lies(sim: "Simulation") -> None:
    """It names a tip that nobody has, in its own chain or in none, or sends what is no line of Electrum's."""
    server, nothing, sim.lied_of_a_tip = _server(sim), sim.chance.randbytes(80).hex(), True
    match sim.chance.randrange(5):
        case 0:
            server.notify({"height": 9_000_000, "hex": nothing})
        case 1:
            server.notify({"height": server.chain[-1].height + 1, "hex": nothing})
        case 2:
            server.notify({"height": -1, "hex": "00"})
        case 3:
            server.send({"id": 7, "result": [[[]]]})
        case _:
            server.send_raw(b'{"id": "seven"\n')
    sim.faulty.append(_then(server.cut))


SERVER_MISFORTUNES: Final[Mapping[str, Callable[["Simulation"], Awaitable[None]]]] = {
    one.__name__: one
    for one in (
        server_lags,
        server_link_breaks,
        server_is_down,
        server_freezes,
        server_says_no,
        server_lies,
    )
}


def has_room() -> None:
    """Lift the limit on the size of files."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def _notice(sim: "Simulation", links: list[Client]) -> None:
    """A link loses nothing silently: the next frame's number differs, or the link was what broke."""
    if links == sim.backend.clients:
        sim.something_small()
    else:
        sim.backend.cut()


def _then(act: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def heal() -> None:
        act()

    return heal
