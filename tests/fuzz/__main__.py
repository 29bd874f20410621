"""Coverage-guided fuzzing of one surface after the other: `make fuzz [TARGET=name,…] [RUNS=n]`.

Each surface has a process of its own. The corpus is made of the tests' own good inputs and grows from run to
run; it lies where git does not look, and may be deleted.
"""

import argparse
import contextlib
import importlib
import io
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType

import atheris

from tests.fuzz.mutations import NASTY, changed
from tests.fuzz.watched import GROWTH_BLOCKS, LONGEST_BYTES, LONGEST_SECONDS, Watched

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / ".parts" / "fuzz" / "corpus"
FINDINGS = ROOT / "fuzz-findings"
OWN = ["app", "notifiers"]
HANGS_SECONDS = 20
"""Of processor: then it is broken off."""
MOST_MB = 2_048
RUNS = 100_000
WORDS = re.compile(rb"[A-Za-z_][A-Za-z0-9_.-]{2,30}")
MOST_WORDS = 600
SMALL_BYTES = 6_000
"""Larger good inputs are no part of the corpus, where they would take most of the time."""
SHOWN_EACH = 10_000
LARGE_IN = 500
"""One input in so many is made of a large good one."""


def main() -> None:
    parsed = argparse.ArgumentParser(description=__doc__)
    parsed.add_argument("--target", default="", help="surfaces, parted by commas; else all")
    parsed.add_argument("--runs", type=int, default=RUNS, help="inputs of each")
    parsed.add_argument("--seed", type=int, default=1, help="of chance: another one, other inputs")
    parsed.add_argument("--one", default="", help="(within) this surface, in this process")
    given = parsed.parse_args()
    if given.one:
        fuzz(given.one, given.runs, given.seed)
        return
    known = _surfaces().SURFACES
    wanted = [name for name in given.target.split(",") if name] or list(known)
    if strange := [name for name in wanted if name not in known]:
        sys.exit(f"There is no surface {strange[0]}: there are {', '.join(known)}")
    failed = [name for name in wanted if not _in_its_own_process(name, given.runs, given.seed)]
    sys.exit(f"Faults in {', '.join(failed)}; their inputs are in {FINDINGS.name}/" if failed else 0)


def _in_its_own_process(name: str, runs: int, seed: int) -> bool:
    command = [sys.executable, "-m", "tests.fuzz", "--one", name, "--runs", str(runs), "--seed", str(seed)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def _surfaces() -> ModuleType:
    """Imported when it is needed: in a process that fuzzes, what it imports is to be instrumented."""
    return importlib.import_module("tests.fuzz.surfaces")


def fuzz(name: str, runs: int, seed: int) -> None:
    """Run so many inputs, print what came of them, and end the process: with 1 if there were faults."""
    # It would print a line for each module.
    with atheris.instrument_imports(include=OWN), contextlib.redirect_stderr(io.StringIO()):
        surfaces = _surfaces()
        surfaces.quiet()
        surface = surfaces.SURFACES[name]
        good = [one for one in surface.good() if len(one) <= SMALL_BYTES]
        large = [one[:LONGEST_BYTES] for one in surface.good() if len(one) > SMALL_BYTES]
        for one in good:
            surface.take(one)  # what is imported when it is first needed is instrumented too
    watched = Watched(surface.take, max(1, runs // 2), FINDINGS / name)
    corpus = CORPUS / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, one in enumerate(good):
        (corpus / f"good-{number}").write_bytes(one)
    words = corpus.parent / f"{name}.words"
    words.write_text("".join(_dictionary(good)), "ascii")

    def mutated(raw: bytes, most: int, seed: int) -> bytes:
        """Half by libFuzzer's own ways, half at places that mean something; now and then a large one."""
        chance = random.Random(seed)
        if large and chance.randrange(LARGE_IN) == 0:
            return changed(chance, chance.choice(large))[:most]
        if chance.random() < 0.5:
            return bytes(atheris.Mutate(raw, most))
        return changed(chance, raw)[:most]

    def once(raw: bytes) -> None:
        signal.setitimer(signal.ITIMER_PROF, HANGS_SECONDS)
        watched(raw)
        if watched.inputs % SHOWN_EACH == 0 and watched.inputs < runs:
            print(_figures(name, watched), flush=True)
        if watched.inputs >= runs:
            _end(name, watched, surfaces.clear)

    def hangs(_number: int, _frame: object) -> None:
        watched.keep(f"no end within {HANGS_SECONDS} s of processor")
        _end(name, watched, surfaces.clear)

    signal.signal(signal.SIGPROF, hangs)
    FINDINGS.mkdir(exist_ok=True)
    options = [
        f"-max_len={LONGEST_BYTES}",
        "-timeout=1000000",  # it goes by the clock, and a process may be suspended
        f"-rss_limit_mb={MOST_MB}",
        f"-dict={words}",
        f"-artifact_prefix={FINDINGS / name}-",
        f"-seed={seed}",
        "-len_control=20",
        "-print_final_stats=0",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], once, custom_mutator=mutated)
    atheris.Fuzz()


def _dictionary(good: Iterable[bytes]) -> Iterable[str]:
    """The words of the good inputs, as libFuzzer takes them."""
    found = dict.fromkeys(word for one in good for word in WORDS.findall(one[:5_000]))
    for word in [*NASTY, *list(found)[:MOST_WORDS]]:
        if len(word) < 60:
            yield '"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n'


def _end(name: str, watched: Watched, clear: Callable[[], None]) -> None:
    if watched.grown_blocks > GROWTH_BLOCKS:
        watched.keep("more and more objects are kept")
    print(_figures(name, watched), flush=True)
    for fault in watched.faults:
        print(f"  {name}: {fault}", flush=True)
    clear()
    os._exit(bool(watched.faults))  # libFuzzer would print its own summary, and knows nothing of this one


def _figures(name: str, watched: Watched) -> str:
    seconds = watched.seconds
    return (
        f"{name}: {watched.inputs} inputs in {seconds:.0f} s ({watched.inputs / seconds:.0f}/s), slowest "
        f"{watched.slowest * 1000:.0f} of {LONGEST_SECONDS * 1000:.0f} ms of processor, in the second half "
        f"{watched.grown_blocks:+d} objects and {watched.grown_bytes / 1e6:+.1f} MB at most, "
        f"{len(watched.faults)} faults"
    )


if __name__ == "__main__":
    main()
