"""The event stream: one WebSocket per client, with a filter and replay from the store."""

from app.api.stream.clients import StreamLimits, Streams
from app.api.stream.socket import StreamHandler

__all__ = ["StreamHandler", "StreamLimits", "Streams"]
