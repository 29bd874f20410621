"""`make mutate`: changes app/core in one place at a time, and counts the changes that its tests notice.

mutmut makes the changes (mutants) and keeps what became of each in mutants/, beside the changed copy: a run
that was broken off goes on where it stopped. This program tries them: it collects tests/core once, and forks
a process for each mutant, where the tests that reach the changed function run, fast ones first, until one
fails. (mutmut's own runner has pytest collect them anew for each mutant.) A function that was changed is
tried again from the start; after a change of the tests what was not noticed is.

hypothesis gives each mutant the same few examples. Time is counted in processor time, so that no mutant is
called endless because the machine was busy.
"""

import difflib
import gc
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import hypothesis
import pytest
from mutmut import __main__ as mutmut
from mutmut.mutation import trampoline
from mutmut.mutation.data import MutantLineSpans, SourceFileMutationData
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import (
    copy_also_copy_files,
    copy_src_dir,
    setup_source_paths,
    walk_mutatable_files,
)
from mutmut.utils.format_utils import mangled_name_from_mutant_name

WORKERS = int(os.environ.get("WORKERS", "2"))
EXAMPLES = int(os.environ.get("EXAMPLES", "25"))
"""Number of examples of a property that are tried on a mutant."""
EACH = int(os.environ.get("EACH", "1"))
"""1: every mutant; 5: each fifth of a file, for an estimate. The rest may follow."""
SLACK_S, SLOWER = 2, 10
"""Endless: one test took this much processor time and this many times what it takes without a mutant."""
OTHERS_S = 0.25
"""Tests of other rooms than the mutant's are run on it, fast ones first, until they took this long."""
MEMORY = 2 << 30
TABLES = (("app.core.forecasting.passagetable", "default_table"), ("tests.core.fee_markets", "a_table"))
"""What takes long to build is built once, and again only for a mutant of what builds it."""
MUTANTS = Path("mutants").resolve()
REACHED = MUTANTS / "reached.json"
TRIED = MUTANTS / "tried.json"
SAME = Path(__file__).with_name("same_mutants.txt")
"""Mutants that do what the original does, so that no test can tell, by kind."""
SURVIVED, NO_TESTS, SUSPICIOUS, ENDLESS = 0, 33, 35, 36
"""mutmut's exit codes."""
HYPOTHESIS_SETTINGS = "_hypothesis_internal_use_settings"
TESTS = ("tests/core", "tests/builders.py", "tests/fakes.py", "tests/conftest.py")
PYTEST = "-q -s --rootdir=. --assert=plain --tb=no"
NO_PLUGINS = (
    "anyio",
    "asyncio",
    "cacheprovider",
    "doctest",
    "faulthandler",
    "logging",
    "playwright",
    "recwarn",
    "schemathesis",
    "threadexception",
    "timeout",
    "unraisableexception",
    "warnings",
    "xdist",
)
"""Each asks to be called at each test, and tests/core needs none."""


class Functions:
    """The functions that have mutants: each is itself until it is given the code of one of them.

    mutmut would have each call pass a function of its own that looks up which mutant is on.
    """

    def __init__(self) -> None:
        self._of_module: dict[str, list[tuple[FunctionType, Mapping[str, Any]]]] = defaultdict(list)

    def wrap(
        self, mutants: Mapping[str, Any], *_: object, **__: object
    ) -> Callable[[FunctionType], FunctionType]:
        """Stand for mutmut's decorator; `mutants` is filled once the module has been read."""

        def keep(function: FunctionType) -> FunctionType:
            self._of_module[function.__module__].append((function, mutants))
            return function

        return keep

    def turn_into(self, name: str) -> None:
        module, _, own = name.rpartition(".")
        for function, mutants in self._of_module[module]:
            if own in mutants:
                mutant = getattr(mutants[own], "__func__", mutants[own])
                function.__defaults__, function.__kwdefaults__ = mutant.__defaults__, mutant.__kwdefaults__
                function.__code__ = mutant.__code__
                return
        raise LookupError(f"{name} is nowhere")

    def by_code(self) -> dict[CodeType, str]:
        """Return what mutmut calls each of them."""
        return {
            function.__code__: f"{module}.{mutants['_mutmut_orig'].__name__.partition('__mutmut')[0]}"
            for module, some in self._of_module.items()
            for function, mutants in some
        }


def make_mutants() -> None:
    """For each file of app/core that has none yet, or changed since."""
    MUTANTS.mkdir(exist_ok=True)
    shutil.rmtree(MUTANTS / "tests", ignore_errors=True)
    with Path(os.devnull).open("w", encoding="utf-8") as nothing, redirect_stdout(nothing):
        copy_src_dir()
        copy_also_copy_files()
        mutmut.create_mutants(WORKERS)
    setup_source_paths()


def files_below(modules: str) -> list[SourceFileMutationData]:
    """Of each of these folders or files, in their order, each once; the names separated by spaces."""
    below = {
        path: SourceFileMutationData(path=path)
        for module in modules.split()
        for path in sorted(path for path in walk_mutatable_files() if path.is_relative_to(module))
    }
    for data in below.values():
        data.load()
    return list(below.values())


def digest(paths: Iterable[Path]) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(paths))).hexdigest()


def digest_of_tests() -> str:
    places = [Path(name) for name in TESTS]
    return digest(path for one in places for path in ([one] if one.is_file() else one.rglob("*.py")))


class Trials:
    """In place of pytest's loop over the tests: a process for each mutant, forked from what was collected."""

    def __init__(self, module: str, functions: Functions) -> None:
        self.module = module
        self.functions = functions
        self.items: dict[str, pytest.Item] = {}
        self.reached: dict[str, list[str]] = {}
        self.takes: dict[str, float] = {}
        self.builders: list[str] = []
        self.running: dict[int, tuple[SourceFileMutationData, str, float]] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self) -> None:
        hypothesis.settings.register_profile(
            "mutants",
            hypothesis.settings.get_profile("spout"),
            derandomize=True,
            database=None,
            max_examples=EXAMPLES,
            phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        hypothesis.settings.load_profile("mutants")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        for item in session.items:
            _limit_examples(item)
            self.items[item.nodeid] = item
        os.chdir(MUTANTS.parent)  # where mutmut looks for its data; tests run below it
        self._measure()
        build_tables()
        gc.freeze()  # forks share it
        self._try_all()
        os.chdir(MUTANTS)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            os._exit(1)

    def _measure(self) -> None:
        """Each test's processor time and the functions it reaches: once for each state of tests and code."""
        now = [digest_of_tests(), digest(walk_mutatable_files())]
        kept = json.loads(REACHED.read_text("utf-8")) if REACHED.exists() else {}
        if kept.get("of") != now:
            print("Measuring which test reaches what", flush=True)
            pid = os.fork()
            if pid == 0:
                _enter()
                REACHED.write_text(json.dumps({"of": now, **self._measured()}), "utf-8")
                os._exit(0)
            if os.waitpid(pid, 0)[1] != 0:
                sys.exit("make mutate: the tests fail without a mutant; none was tried")
            kept = json.loads(REACHED.read_text("utf-8"))
        self.reached, self.takes, self.builders = kept["reached"], kept["takes"], kept["builders"]

    def _measured(self) -> dict[str, object]:
        reached, takes = defaultdict(list), {}
        names, called = self.functions.by_code(), set[CodeType]()

        def note(frame: FrameType, _event: str, _arg: object) -> None:
            called.add(frame.f_code)

        sys.settrace(note)
        build_tables()
        sys.settrace(None)
        builders = [names[code] for code in called & names.keys()]
        for item in self.items.values():
            called.clear()
            began = time.process_time()
            sys.settrace(note)
            _run(item, None)  # what tests share is made anew for each
            sys.settrace(None)
            takes[item.nodeid] = time.process_time() - began
            for code in called & names.keys():
                reached[names[code]].append(item.nodeid)
        self.takes = takes
        signal.signal(signal.SIGPROF, lambda *_: os._exit(ENDLESS))
        self._run_all(sorted(self.items, key=takes.__getitem__))  # without a mutant they pass in any order
        forecasting = [test for test in takes if test.startswith("tests/core/forecasting/")]
        return {
            "reached": reached | dict.fromkeys(builders, forecasting),
            "takes": takes,
            "builders": builders,
        }

    def _try_all(self) -> None:
        tests_now = digest_of_tests()
        for data in files_below(self.module):
            try_again(data, tests_now)
            for name in list(data.exit_code_by_key)[::EACH]:
                if data.exit_code_by_key[name] is not None:
                    continue
                tests = self._tests_of(data, name)
                if not tests:
                    _keep(data, name, NO_TESTS, 0)
                    continue
                while len(self.running) >= WORKERS:
                    self._wait()
                self.running[self._try(name, tests)] = data, name, time.monotonic()
            while self.running:
                self._wait()
            if data.exit_code_by_key:
                print(row(str(data.path), [data]), flush=True)

    def _tests_of(self, data: SourceFileMutationData, name: str) -> list[str]:
        own = str(Path("tests", *Path(data.path).parent.parts[1:])) + "/"
        chosen, left = [], OTHERS_S
        reaching = self.reached.get(mangled_name_from_mutant_name(name), [])
        for test in sorted(reaching, key=self.takes.__getitem__):
            left -= 0 if test.startswith(own) else self.takes[test]
            if test.startswith(own) or left > 0:
                chosen.append(test)
        return chosen or reaching

    def _try(self, name: str, tests: list[str]) -> int:
        pid = os.fork()
        if pid:
            return pid
        _enter()
        signal.signal(signal.SIGPROF, lambda *_: os._exit(ENDLESS))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        gc.disable()
        try:
            self.functions.turn_into(name)
        except (LookupError, ValueError):  # no such function, or its code asks for another closure
            os._exit(SUSPICIOUS)
        if mangled_name_from_mutant_name(name) in self.builders:
            forget_tables()
        self._run_all(sorted(tests, key=self.takes.__getitem__))
        os._exit(0)

    def _run_all(self, tests: list[str]) -> None:
        items = [self.items[test] for test in tests]
        for item, following in zip(items, [*items[1:], None], strict=True):
            signal.setitimer(signal.ITIMER_PROF, SLACK_S + SLOWER * self.takes[item.nodeid])
            _run(item, following)

    def _wait(self) -> None:
        pid, status = os.wait()
        data, name, began = self.running.pop(pid)
        _keep(data, name, os.waitstatus_to_exitcode(status), time.monotonic() - began)


def _keep(data: SourceFileMutationData, name: str, code: int, took: float) -> None:
    data.exit_code_by_key[name] = code
    data.durations_by_key[name] = took
    save(data)
    if status_by_exit_code[code] != "killed":
        print(f"  {status_by_exit_code[code]}: {name}", flush=True)


def save(data: SourceFileMutationData) -> None:
    """At once or not at all: whoever ends the run loses one mutant's result."""
    kept = data.meta_path
    data.meta_path = kept.with_suffix(".new")
    data.save()
    data.meta_path.replace(kept)
    data.meta_path = kept


def _limit_examples(item: pytest.Item) -> None:
    """What a test asks for by itself is limited too."""
    asking = ((getattr(item, "obj", None), HYPOTHESIS_SETTINGS), (getattr(item, "cls", None), "settings"))
    for owner, attribute in asking:
        asked = getattr(owner, attribute, None)
        if isinstance(asked, hypothesis.settings):
            limited = hypothesis.settings(asked, max_examples=min(EXAMPLES, asked.max_examples))
            setattr(getattr(owner, "__func__", owner), attribute, limited)


def build_tables() -> None:
    for module, function in TABLES:
        getattr(sys.modules[module], function)()


def forget_tables() -> None:
    for module, function in TABLES:
        getattr(sys.modules[module], function).cache_clear()


def _run(item: pytest.Item, following: pytest.Item | None) -> None:
    try:
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
    except BaseException:  # noqa: BLE001 - whatever a mutant brings about, it was noticed
        os._exit(1)


def _enter() -> None:
    """Say nothing from here on, and stand where the changed copy is."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.chdir(MUTANTS)


def try_again(data: SourceFileMutationData, tests: str) -> None:
    """Forget what other tests than these did not notice of this file."""
    tried = json.loads(TRIED.read_text("utf-8")) if TRIED.exists() else {}
    if tried.get(str(data.path)) == tests:
        return
    for name, code in data.exit_code_by_key.items():
        if code in (SURVIVED, NO_TESTS):
            data.exit_code_by_key[name] = None
    save(data)
    TRIED.write_text(json.dumps(tried | {str(data.path): tests}), "utf-8")


def difference(data: SourceFileMutationData, name: str) -> tuple[str, str]:
    """Return the lines that the mutant changes, as they were and as they are."""
    spans = MutantLineSpans.load(data.path)
    assert spans is not None, f"{data.path} has no mutants"
    own = name.rpartition(".")[2]
    original = own.partition("__mutmut_")[0] + "__mutmut_orig"
    before, after = (
        [line.strip() for line in text.splitlines() if "__mutmut_" not in line]
        for text in spans.read_function_sources([original, own])
    )
    lines = [line for line in difflib.ndiff(before, after) if line[:2] in ("- ", "+ ")]
    removed, added = ([line[2:] for line in lines if line[0] == sign] for sign in "-+")
    return " ".join(removed), " ".join(added)


def same_kinds() -> dict[tuple[str, str, str], str]:
    """Return the kind of each mutant that is named in SAME: its file, and what it changes into what."""
    kinds, kind, path = {}, "", ""
    for line in SAME.read_text("utf-8").splitlines() if SAME.exists() else ():
        if line.startswith("# "):
            kind = line[2:]
        elif found := re.fullmatch(r"(app/core/\S+\.py)", line):
            path = found[1]
        elif " => " in line:
            removed, _, added = line.strip().partition(" => ")
            kinds[path, removed, added] = kind
    return kinds


def kind_of(data: SourceFileMutationData, name: str, named: dict[tuple[str, str, str], str]) -> str:
    """Return why no test can notice this mutant, or nothing."""
    removed, added = difference(data, name)
    if "strict=True" in removed and _without_strict(removed) == _without_strict(added):
        return "strict= of a zip"
    if "assert_never(" in removed:
        return "assert_never"
    return named.get((str(data.path), removed, added), "")


def _without_strict(line: str) -> str:
    return re.sub(r",? *strict=\w+|, *(?=\))", "", line)


def unnoticed(module: str) -> Iterator[tuple[SourceFileMutationData, str]]:
    for data in files_below(module):
        for name, code in data.exit_code_by_key.items():
            if code in (SURVIVED, NO_TESTS):
                yield data, name


def row(name: str, some: Iterable[SourceFileMutationData], same: int = 0) -> str:
    found = Counter(status_by_exit_code[code] for data in some for code in data.exit_code_by_key.values())
    endless = found["timeout"] + found["segfault"]  # segfault: mutmut's word for killed from outside, too
    noticed, total = found["killed"] + endless, sum(found.values())
    tried = total - found["not checked"]
    shares = f"{noticed / tried:7.1%} {noticed / (tried - same):7.1%}" if tried > same else ""
    return (
        f"{name:<46} {total:6} {found['killed']:6} {endless:7} {found['survived']:8} {found['no tests']:8} "
        f"{same:5} {found['not checked']:7} {shares}"
    )


def table(module: str) -> Iterator[str]:
    named = same_kinds()
    same = Counter(str(data.path) for data, name in unnoticed(module) if kind_of(data, name, named))
    yield f"{'':<46} {'all':>6} killed endless survived no tests  same untried   noticed  but same"
    rooms: dict[str, list[SourceFileMutationData]] = defaultdict(list)
    for data in files_below(module):
        rooms[str(Path(data.path).parent)].append(data)
        if data.exit_code_by_key:
            yield row(str(data.path), [data], same[str(data.path)])
    for room, some in rooms.items():
        yield row(room, some, sum(same[str(data.path)] for data in some))
    yield row("all", [data for some in rooms.values() for data in some], same.total())


def survivors(module: str) -> Iterator[str]:
    """Return each mutant that nothing noticed, with what it changed into what."""
    named = same_kinds()
    for data, name in unnoticed(module):
        removed, added = difference(data, name)
        yield f"{data.path} {name.rpartition('.')[2]} [{kind_of(data, name, named)}]\n  {removed} => {added}"


def main(module: str, how: str = "") -> None:
    if how == "survivors":
        print("\n".join(survivors(module)))
        return
    if how != "figures":
        make_mutants()
        functions = Functions()
        vars(trampoline)["wrap_in_trampoline"] = functions.wrap
        os.chdir(MUTANTS)
        without = [f"-pno:{name}" for name in NO_PLUGINS]
        pytest.main(
            [*PYTEST.split(), *without, "-m", "not shared", "tests/core"], plugins=[Trials(module, functions)]
        )
        os.chdir(MUTANTS.parent)
    print("\n".join(table(module)))


if __name__ == "__main__":
    main(*sys.argv[1:])
