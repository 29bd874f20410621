"""Takes inputs one by one, and keeps what they cost and what fell: the first input of each fault."""

import gc
import hashlib
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

LONGEST_SECONDS = 1.0
"""Of processor, for one input; none is longer than LONGEST_BYTES."""
LONGEST_BYTES = 65_536
GROWTH_BLOCKS = 20_000
"""How many more objects there may be at the end than half-way: what is kept grows with every input."""
_PAGE = 4_096
_OURS = ("/app/", "/notifiers/", "/dashboard/")


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * _PAGE


@dataclass(slots=True)
class Watched:
    """`settled_at`: after so many inputs caches are warm; what grows from then on is growth."""

    take: Callable[[bytes], None]
    settled_at: int
    findings: Path | None = None
    """Where the inputs of faults are put."""
    inputs: int = 0
    slowest: float = 0.0
    latest: bytes = b""
    faults: dict[str, bytes] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)
    _blocks: int = 0
    _bytes: int = 0
    _most_bytes: int = 0

    def __call__(self, raw: bytes) -> None:
        self.latest = raw
        began = time.process_time()
        try:
            self.take(raw)
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            self.keep(_place_of(error))
        took = time.process_time() - began
        self.slowest = max(self.slowest, took)
        if took > LONGEST_SECONDS:
            self.keep("longer than a second")
        self.inputs += 1
        if self.inputs == self.settled_at:
            gc.collect()
            self._blocks, self._bytes = sys.getallocatedblocks(), resident_bytes()
        if self.inputs % 500 == 0:
            self._most_bytes = max(self._most_bytes, resident_bytes())

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    @property
    def grown_blocks(self) -> int:
        gc.collect()
        return sys.getallocatedblocks() - self._blocks if self._blocks else 0

    @property
    def grown_bytes(self) -> int:
        """At the most, of the whole process: coverage-guided, that counts the corpus too."""
        return max(self._most_bytes, resident_bytes()) - self._bytes if self._bytes else 0

    def keep(self, fault: str) -> None:
        """Keep the latest input, if it is the first of this fault."""
        if fault in self.faults:
            return
        self.faults[fault] = raw = self.latest
        print(f"FAULT {fault}: {raw[:200]!r}", file=sys.stderr, flush=True)
        if self.findings is not None:
            self.findings.mkdir(parents=True, exist_ok=True)
            (self.findings / hashlib.sha256(raw).hexdigest()[:16]).write_bytes(raw)


def _place_of(error: BaseException) -> str:
    """What it is, and the innermost line of ours: two inputs with the same are the same fault."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [one for one in frames if any(part in one.filename for part in _OURS)] or list(frames)
    where = f"{Path(own[-1].filename).name}:{own[-1].lineno} in {own[-1].name}" if own else "?"
    return f"{type(error).__name__} at {where}"
