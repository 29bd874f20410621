"""Shared by all sources: retries, circuit breaker, reconnects, time limits, health, seen txids, numbers."""

from app.source.resilience.health import Condition, ConnectionState, ReconnectCounts, SourceHealth
from app.source.resilience.http_client import Budget, Http, HttpAnswer, HttpClient, Limits, basic_login
from app.source.resilience.numbers import BlockHeight, Confirmations, Count, FeeRate, Size
from app.source.resilience.optional import Optional, OptionalQuestions
from app.source.resilience.reconnect import Delays, Reconnect, ReconnectAttempt, first_of, one_after_another
from app.source.resilience.retry import Guard, Patience
from app.source.resilience.seen_txids import SeenTxids
from app.source.resilience.timeout import within
from app.source.resilience.tls import in_words, trusting
from app.source.resilience.width import is_too_wide

__all__ = [
    "BlockHeight",
    "Budget",
    "Condition",
    "Confirmations",
    "ConnectionState",
    "Count",
    "Delays",
    "FeeRate",
    "Guard",
    "Http",
    "HttpAnswer",
    "HttpClient",
    "Limits",
    "Optional",
    "OptionalQuestions",
    "Patience",
    "Reconnect",
    "ReconnectAttempt",
    "ReconnectCounts",
    "SeenTxids",
    "Size",
    "SourceHealth",
    "basic_login",
    "first_of",
    "in_words",
    "is_too_wide",
    "one_after_another",
    "trusting",
    "within",
]
