"""The fast tests pass on the image's own Python; the last file, since they run beside all the others."""

import pytest

from tests.packages.fast_tests import MOST_SECONDS, FastTests

pytestmark = pytest.mark.timeout(MOST_SECONDS + 60)


def test_fast_tests_pass_on_its_own_python(fast_tests: FastTests) -> None:
    words = fast_tests.words()
    summary = words.splitlines()[-1]

    print(summary)
    assert " passed" in summary, words[-3000:]
    assert "failed" not in summary, words[-3000:]
    assert "error" not in summary, words[-3000:]
