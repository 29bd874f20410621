"""The one shape of every refusal, on HTTP and on the stream."""

from pydantic import Field

from app.api.models.kinds import Answer, Shape


class RefusedValue(Shape):
    name: str = Field(description="as it was sent, like rules.types[0]")
    words: str = Field(description="what is wrong with it; they come after the name")


class Refusal(Shape):
    code: str = Field(description="for programs; stays the same")
    message: str = Field(description="one line: what, and how to mend it")
    correlation_id: str | None = Field(
        default=None,
        description="the request's X-Correlation-ID, as in the log; a stream's own; null: none was given",
    )


class Error(Answer):
    error: Refusal
    faults: list[RefusedValue] = Field(
        default=[],
        description="with the header `Prefer: faults`: each value that is refused, at most 200",
    )
