"""Many labels: by pages, by search, in parts; `test_file` has the few."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.core.flow import Label, write_labels
from app.errors import ParseError
from app.store.operator.file import OperatorFile, open_operator
from app.store.operator.labels import LabelStore
from app.views import LabelQuery
from tests.store.builders import NOON
from tests.store.operator.test_file import a_label


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[OperatorFile]:
    opened = await open_operator(tmp_path, at=NOON)
    yield opened.file
    await opened.file.close()


@pytest.fixture
def labels(file: OperatorFile) -> LabelStore:
    return LabelStore(file)


async def all_pages(labels: LabelStore, limit: int) -> list[list[Label]]:
    pages: list[list[Label]] = []
    cursor: str | None = None
    while True:
        page = await labels.page(LabelQuery(limit=limit, cursor=cursor))
        pages.append(list(page.labels))
        cursor = page.next_cursor
        if cursor is None:
            return pages


async def test_the_pages_are_all_labels_in_order_each_once(labels: LabelStore) -> None:
    await labels.put([a_label(number, f"Name {number % 3}") for number in range(11)])

    pages = await all_pages(labels, 4)

    assert [len(page) for page in pages] == [4, 4, 3]
    assert [one for page in pages for one in page] == list(await labels.listed())


async def test_a_page_that_ends_with_the_last_label_is_the_last(labels: LabelStore) -> None:
    await labels.put([a_label(1), a_label(2)])

    assert [len(page) for page in await all_pages(labels, 2)] == [2]


async def test_a_label_removed_between_two_pages_loses_no_other(labels: LabelStore) -> None:
    await labels.put([a_label(number) for number in range(1, 6)])
    first = await labels.page(LabelQuery(limit=2))
    await labels.remove(first.labels[-1].script)

    second = await labels.page(LabelQuery(limit=2, cursor=first.next_cursor))

    assert second.labels == (a_label(3), a_label(4))


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("COLD", ["My cold wallet"]),
        ("bc1qADDRESS2", ["M\u00dcNZE 100%"]),
        ("m\u00fcnze", ["M\u00dcNZE 100%"]),
        ("100%", ["M\u00dcNZE 100%"]),
        ("%", ["M\u00dcNZE 100%"]),
        ("_", []),
        ("!", []),
        (a_label(1).script, ["My cold wallet"]),
        ("' OR 1=1 --", []),
    ],
)
async def test_a_label_is_found_by_what_stands_in_its_name_or_address(
    labels: LabelStore, search: str, found: list[str]
) -> None:
    await labels.put([a_label(1), a_label(2, "M\u00dcNZE 100%")])

    page = await labels.page(LabelQuery(search=search))

    assert ([label.entity for label in page.labels], page.total_count) == (found, len(found))


@pytest.mark.parametrize(
    "cursor", ["nonsense", "bm9uc2Vuc2U=", "WzFd", "WzEsMiwzXQ==", "WyJcdWQ4MDAiLCJhIiwiYiJd"]
)
async def test_a_cursor_of_somebody_else_is_refused(labels: LabelStore, cursor: str) -> None:
    with pytest.raises(ParseError, match="not one of ours"):
        await labels.page(LabelQuery(cursor=cursor))


async def test_the_parts_are_all_labels_each_once(labels: LabelStore) -> None:
    many = [a_label(number) for number in range(4_001)]
    await labels.put(many)

    parts = [part async for part in labels.in_parts()]

    assert max(len(part) for part in parts) < len(many)
    assert [one for part in parts for one in part] == many


async def test_a_list_is_written_as_it_is_read(labels: LabelStore) -> None:
    await labels.put([a_label(1)])
    written = io.StringIO()

    await labels.visit(lambda found: write_labels(found, written))

    assert written.getvalue().splitlines()[1].startswith("bc1qaddress1,My cold wallet,")
