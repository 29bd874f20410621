"""`GET /api/v1/audit`: what was changed, when and by whom."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from app.api.base import ApiHandler
from app.api.keys import ADMIN
from app.api.models import DEFAULT_PAGE, Audit, AuditQuery, Change, PageInfo
from app.api.problems import bad_parameter
from app.core.access import Scope

_LONGEST_NUMBER = 18
"""Digits."""


class AuditHandler(ApiHandler):
    QUERIES: ClassVar[frozenset[str]] = frozenset(("GET",))
    SCOPES: ClassVar[Mapping[str, Scope]] = ADMIN

    async def get(self) -> None:
        asked = self.asked_query(AuditQuery)
        limit, before = asked.limit or DEFAULT_PAGE, _number(asked.cursor)
        found, counted = await self.parts.open_audit().listed(limit + 1, before)
        shown, more = found[:limit], len(found) > limit
        self.answer(
            Audit(
                changes=[
                    Change(at=datetime.fromisoformat(one.at), who=one.who, what=one.what) for one in shown
                ],
                total_count=counted,
                page_info=PageInfo(
                    limit=limit, has_next=more, next_cursor=str(shown[-1].number) if more else None
                ),
            )
        )


def _number(cursor: str | None) -> int | None:
    """Return the number of the last change that was shown: what is changed meanwhile moves no page."""
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= _LONGEST_NUMBER):
        raise bad_parameter("cursor", "is not one of ours: take next_cursor of the page before")
    return int(cursor)
