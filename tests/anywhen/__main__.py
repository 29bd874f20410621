"""`python -m tests.anywhen [all | today | CASE …]`: runs one case after the other, to the first that fails.

A case for which this machine lacks something is skipped, with words; with CI set it fails.
"""

import os
import sys
from datetime import UTC, datetime

from tests.anywhen.cases import CASES, Case, case_of_the_day
from tests.anywhen.running import CannotRunError, run


def chosen(names: list[str]) -> list[Case]:
    """The cases of these names, in the order given.

    Raises:
        CannotRunError: if there is no case of a name.
    """
    if names in ([], ["all"]):
        return list(CASES.values())
    if names == ["today"]:
        return [case_of_the_day(datetime.now(UTC).date())]
    unknown = [name for name in names if name not in CASES]
    if unknown:
        raise CannotRunError(f"no case {', '.join(unknown)}; there are: {', '.join(CASES)}, and today, all")
    return [CASES[name] for name in names]


def main() -> int:
    try:
        cases = chosen(sys.argv[1:])
    except CannotRunError as error:
        return refuse(error)
    for case in cases:
        try:
            code = run(case)
        except CannotRunError as error:
            code = refuse(error) if os.environ.get("CI") else skip(case, error)
        if code:
            print(f"again: make test-anywhen CASE={case.name}", file=sys.stderr, flush=True)
            return code
    return 0


def refuse(error: CannotRunError) -> int:
    print(f"test-anywhen: {error}", file=sys.stderr)
    return 2


def skip(case: Case, error: CannotRunError) -> int:
    print(f"test-anywhen {case.name}: skipped; {error}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
