"""The one shape of every refusal, on HTTP and on the stream."""

from pydantic import Field

from app.api.models.kinds import Answer, Shape


class Refusal(Shape):
    code: str = Field(description="for programs; stays the same")
    message: str = Field(description="one line: what, and how to mend it")
    correlation_id: str | None = Field(
        default=None,
        description="the request's X-Correlation-ID, as in the log; a stream's own",
    )


class Error(Answer):
    error: Refusal
