"""Forty bad settings and what is said of each: the words of before (`before`), the same or better."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.errors import SettingsError
from app.settings import read_settings

REFUSED: list[dict[str, Any]] = json.loads(Path(__file__).with_name("refused.json").read_text("utf-8"))


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: " ".join(case["set"].values())[:40])
def test_a_bad_setting_is_refused_in_these_words(case: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings(case["set"])

    assert str(refused.value) == case["now"]


def test_only_two_of_forty_are_worded_anew_and_those_repeat_what_was_typed() -> None:
    anew = [case for case in REFUSED if case["now"] != case["before"]]

    assert [list(case["set"].values()) for case in anew] == [["inf"], ["0.000000001"]]
    assert all(case["now"].endswith(f"not {value!r}") for case in anew for value in case["set"].values())
