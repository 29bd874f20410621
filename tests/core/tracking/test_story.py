"""What `spout story` tells: what was seen of a whale, and what was concluded from it."""

from app.core.models import Transaction
from app.core.observations import BlockConnected
from app.core.tracking.story import FIRST_LINES, LAST_LINES, StoryBook
from app.core.tracking.tracker import Tracker
from tests.builders import a_block, a_whale
from tests.core.story import WS, Story

WHALE = a_whale(150, fee=1_000)
BETTER = a_whale(150, fee=9_000)


def conclusions(tracker: Tracker, prediction_id: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(line.observed, line.concluded) for line in tracker.story(prediction_id)]


def test_a_life_is_told_in_order() -> None:
    story = Story()
    story.seen(WHALE)
    story.replaced(WHALE, by=BETTER)
    story.connected(a_block(1, BETTER))

    lines = conclusions(story.tracker, story.of(BETTER).prediction_id)

    assert [concluded for _, concluded in lines if concluded != ("kept",)] == [
        ("whale.detected",),
        ("whale.replaced",),
        ("whale.confirmed",),
    ]


def test_each_line_says_who_said_so() -> None:
    story = Story()
    story.seen(WHALE)

    (line, *_) = story.tracker.story(story.of(WHALE).prediction_id)

    assert (line.observed, line.source, line.txid) == ("entered the mempool", "mempool_ws", WHALE.txid)


def test_what_is_not_remembered_has_no_story() -> None:
    assert Story().tracker.story("whl_unknown") == ()


def test_no_more_whales_are_remembered_than_the_bound() -> None:
    story, book = Story(), StoryBook(whales=1)
    whales = [a_whale(150, coins=(name,)) for name in ("one", "two")]
    for whale in whales:
        story.seen(whale)
        note(book, story, whale)

    assert [bool(book.story(story.of(whale).prediction_id)) for whale in whales] == [False, True]


def test_the_same_again_is_one_line() -> None:
    story, book = Story(), StoryBook()
    story.seen(WHALE)
    for _ in range(5):
        note(book, story, WHALE)

    (line,) = book.story(story.of(WHALE).prediction_id)

    assert line.times == 5


def test_a_long_story_keeps_its_beginning_and_its_end() -> None:
    story, book = Story(), StoryBook()
    story.seen(WHALE)
    for height in range(100):
        note(book, story, WHALE, block=height)

    lines = book.story(story.of(WHALE).prediction_id)

    assert (len(lines), lines[0].observed, lines[-1].observed) == (
        FIRST_LINES + LAST_LINES,
        "block 800000",
        "block 800099",
    )


def note(book: StoryBook, story: Story, whale: Transaction, block: int = 0) -> None:
    observation = BlockConnected(block=a_block(block), source=WS)
    book.note(observation, story.at, happenings=(), predictions=(story.of(whale),), questions=())
