"""What a backend can play: a hand-driven world, or a recording with the answers that belong to it."""

import asyncio
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.backend.answers import Answer, DerivedRest
from tests.backend.frames import Frames
from tests.backend.truth import lines, shift_of
from tests.backend.world import World
from tests.backend.world_rest import WorldRest

Json = dict[str, Any]
_GRACE_SECONDS = 0.2  # a client sends its subscriptions one after the other


class WorldStory:
    """A world as a feed and as REST."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rest = WorldRest(world)

    def init(self) -> Json | None:
        return self._frames.init() if self.world.seen_chain else None

    def wanted(self, names: set[str]) -> Json:
        return self._frames.wanted(names)

    def trees(self) -> list[Json]:
        return self._frames.trees()

    def projected(self, index: int) -> Json | None:
        return self._frames.projected(index)

    def tracked(self, txids: list[str]) -> Json:
        """Answer `track-txs`: 3.3.1 calls every txid it does not know confirmed, nonsense too."""
        known = {
            txid: {"position": {"block": 0, "vsize": 0}} for txid in txids if txid in self.world.seen_pool
        }
        nonsense = {txid: {"confirmed": True} for txid in txids if txid not in known}
        return {**known, **nonsense} if self.world.version.startswith("3.3") else known

    def answer(self, method: str, path: str, body: Any) -> Answer | None:
        return self.rest.answer(method, path, body)

    @property
    def _frames(self) -> Frames:
        return self.world.frames


class RecordingStory:
    """A recording played at a speed; its clock starts with the first subscription (`started`).

    What the recorded client got as an answer to its own subscriptions is not pushed: it is kept, and given to
    a client that subscribes. `t` is the recording's own time.
    """

    def __init__(self, recording: Path, rest: DerivedRest | None = None, speed: float = 1.0) -> None:
        self._lines = list(lines(recording))
        self._shift, self._speed, self._derived = shift_of(recording), speed, rest
        self._recorded = _recorded_answers(recording.parent / "rest.jsonl.gz", self._shift)
        self._state: Json = {}
        self._next = 0
        self.t: float = self._lines[0]["t"]
        self.started = asyncio.Event()
        self.finished = asyncio.Event()
        self._absorb_opening()

    async def play(self, push: Callable[[Json], None], gone: Callable[[bool], Any]) -> None:
        """Push each frame at its time; `gone(True)` where the backend went away, False where it is back."""
        await self.started.wait()
        await asyncio.sleep(_GRACE_SECONDS)
        loop = asyncio.get_running_loop()
        zero, begin, away = loop.time(), self.t, False
        for line in self._lines[self._next :]:
            await asyncio.sleep(max(0.0, zero + (line["t"] - begin) / self._speed - loop.time()))
            self.t = line["t"]
            event = line["frame"].get("event") if line["dir"] == "meta" else None
            if event in ("closed", "open"):
                was, away = away, event == "closed"
                if was != away:
                    await gone(away)
            elif line["dir"] == "in":
                self._take(line["frame"], push)
        self.finished.set()

    def init(self) -> Json | None:
        return self._state or None

    def wanted(self, names: set[str]) -> Json:
        stats = ("mempoolInfo", "vBytesPerSecond", "fees", "da") if "stats" in names else ()
        keys = [*(name for name in ("blocks", "mempool-blocks") if name in names), *stats]
        return {key: self._state[key] for key in keys if key in self._state}

    def trees(self) -> list[Json]:
        return list(self._state.get("rbfLatest", []))

    def projected(self, index: int) -> Json | None:
        reported: Json | None = self._state.get("projected-block-transactions")
        return (
            reported if reported and reported["index"] == index and "blockTransactions" in reported else None
        )

    def tracked(self, txids: list[str]) -> Json:
        return {txid: {} for txid in txids}

    def answer(self, method: str, path: str, body: Any) -> Answer | None:
        """Answer from the truth where it reaches, else with the latest recorded answer."""
        found = self._derived.answer(method, path, body, self.t + self._shift) if self._derived else None
        if found is not None:
            return found
        timeline = self._recorded.get(path, []) if method == "GET" else []
        index = bisect_right(timeline, self.t, key=lambda item: item[0])
        return timeline[index - 1][1] if index else None

    def _absorb_opening(self) -> None:
        """Take in what the recorded client got at once, so that the first client finds a state."""
        while self._next < len(self._lines) and self._lines[self._next]["t"] < self.t + 1.0:
            line = self._lines[self._next]
            if line["dir"] == "in" and not _is_answer(line["frame"]):
                return
            if line["dir"] == "in":
                self._keep(line["frame"])
            self._next += 1

    def _take(self, frame: Json, push: Callable[[Json], None]) -> None:
        self._keep(frame)
        if not _is_answer(frame):
            push(frame)

    def _keep(self, frame: Json) -> None:
        blocks = self._state.get("blocks", [])
        if "block" in frame:
            known = [block for block in blocks if block["height"] < frame["block"]["height"]]
            self._state["blocks"] = [*known, frame["block"]][-8:]
        for key, value in frame.items():
            if key == "blocks":
                self._state[key] = value[-8:]
            elif key not in ("block", "mempool-transactions", "mempool-txids", "pong", "live-2h-chart"):
                self._state[key] = value


def _is_answer(frame: Json) -> bool:
    """Tell whether a frame answered the recorded client's own subscription."""
    alone = set(frame)
    return (
        "backendInfo" in frame
        or ("blocks" in frame and "fees" in frame)
        or alone in ({"rbfLatest"}, {"rbfLatestSummary"}, {"pong"}, {"projected-block-transactions"})
    )


def _recorded_answers(path: Path, shift: float) -> dict[str, list[tuple[float, Answer]]]:
    """Return the recorded answers by path, in the recording's own time; refused connections are left out."""
    found: dict[str, list[tuple[float, Answer]]] = {}
    for line in lines(path) if path.exists() else ():
        if line["status"]:
            answer = (line["status"], line["content_type"], line["body"])
            found.setdefault(line["path"], []).append((line["t"] - shift, answer))
    return found
