"""The starred settings, with where each value comes from."""

from pydantic import Field

from app.api.models.kinds import Answer, Moment, Shape
from app.views import ComesFrom

Value = str | float | int | None


class Setting(Shape):
    name: str = Field(description="as in the environment", examples=["SPOUT_WHALE_THRESHOLD_BTC"])
    value: Value = Field(description="in force now; null: off")
    comes_from: ComesFrom
    without: Value = Field(description="what would hold if the operator's own were unset; null: off")
    words: str = Field(description="what it does")
    changed_at: Moment | None = Field(description="when the operator set it; null: never")


class SettingsList(Answer):
    """`GET /api/v1/settings`; PATCH takes `{"NAME": value}`, null goes back to the environment's."""

    settings: list[Setting]
