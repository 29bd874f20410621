"""Umbrel's home-screen widgets, in the shapes that umbrelOS draws; every text is a string."""

from typing import Literal

from pydantic import Field

from app.api.models.kinds import Answer, Shape, Share

Refresh = Literal["10s", "1m"]


class ListItem(Shape):
    text: str
    subtext: str = Field(description="shown above the text")


class ListWidget(Answer):
    """`GET /api/v1/widgets/latest-whales`: the latest five whales."""

    type: Literal["list"] = "list"
    refresh: Refresh = Field(description="how often umbrelOS asks")
    link: str
    noItemsText: str  # noqa: N815 - umbrelOS's name
    items: list[ListItem]


class Stat(Shape):
    title: str
    text: str
    subtext: str


class FourStatsWidget(Answer):
    """`GET /api/v1/widgets/market`: what waits, what goes to exchanges, what a next block costs."""

    type: Literal["four-stats"] = "four-stats"
    refresh: Refresh
    link: str
    items: list[Stat]


class ProgressWidget(Answer):
    """`GET /api/v1/widgets/accuracy`: the share of forecasts that held."""

    type: Literal["text-with-progress"] = "text-with-progress"
    refresh: Refresh
    link: str
    title: str
    text: str
    subtext: str
    progressLabel: str  # noqa: N815 - umbrelOS's name
    progress: Share
