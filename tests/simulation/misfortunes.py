"""What goes wrong in a simulation, one function each. `faulty` then has how it is mended, if it lasts."""

import json
import resource
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final

from tests.backend.shapes import extended
from tests.backend.subscriptions import Client
from tests.notifiers.receivers import Say

if TYPE_CHECKING:
    from tests.simulation.whole import Simulation

PORT: Final = 8_999
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
