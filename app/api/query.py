"""Validates requests into typed models; what is invalid is refused by name, with 400. Pure."""

from collections.abc import Mapping
from typing import Any, TypeVar

from app.api.models import PredictionFilters, Request, read
from app.api.problems import Problem
from app.errors import RequestError
from app.views import PredictionQuery

R = TypeVar("R", bound=Request)


def asked(shape: type[R], given: Mapping[str, Any]) -> R:
    """Return the request.

    Raises:
        Problem: 400, naming what is unknown or invalid.
    """
    try:
        return read(shape, given)
    except RequestError as error:
        raise Problem(400, error.code, str(error), faults=error.faults) from error


def prediction_query(given: Mapping[str, str]) -> PredictionQuery:
    """Return the query of `GET /api/v1/predictions`; an empty value counts as not given.

    Raises:
        Problem: 400, naming the parameter that is unknown or invalid.
    """
    return asked(PredictionFilters, {name: value or None for name, value in given.items()}).query()
