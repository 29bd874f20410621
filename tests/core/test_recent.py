"""A dictionary that forgets its oldest entries."""

from app.core.recent import Recent


def filled(capacity: int = 3) -> Recent[str, int]:
    recent: Recent[str, int] = Recent(capacity)
    for number, key in enumerate("abc"):
        recent.put(key, number)
    return recent


def test_the_oldest_makes_room_and_is_returned() -> None:
    recent = filled()

    assert recent.put("d", 3) == 0
    assert recent.items() == (("b", 1), ("c", 2), ("d", 3))


def test_what_is_put_again_is_the_newest_and_makes_no_room() -> None:
    recent = filled()

    assert recent.put("a", 9) is None
    assert list(recent) == ["b", "c", "a"]
    assert list(recent.values()) == [1, 2, 9]


def test_it_is_asked_for_one_and_for_any_of_many() -> None:
    recent = filled()

    assert [recent.has_any(keys) for keys in ("xa", "xy", "")] == [True, False, False]
    assert ("a" in recent, "x" in recent, len(recent)) == (True, False, 3)
    assert (recent.get("b"), recent.get("x")) == (1, None)


def test_what_is_taken_out_is_gone() -> None:
    recent = filled()

    assert (recent.pop("b"), recent.pop("b"), recent.items()) == (1, None, (("a", 0), ("c", 2)))
