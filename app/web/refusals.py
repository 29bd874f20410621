"""The body of every error: the contract's shape, with the request's correlation id."""

import json
from typing import Any

from app.correlation import current_correlation_id


def refusal_body(code: str, message: str, correlation_id: str | None = None) -> dict[str, Any]:
    """Return the body; without an id given it is the current request's, absent outside of one."""
    refused = {"code": code, "message": message}
    found = correlation_id or current_correlation_id()
    return {"error": refused | ({"correlation_id": found} if found else {})}


def refusal_text(code: str, message: str) -> str:
    return json.dumps(refusal_body(code, message))
