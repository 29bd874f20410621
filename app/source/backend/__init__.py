"""The mempool backend by WebSocket and REST."""

from app.source.backend.connection import open_link
from app.source.backend.decode import decode_as, txid
from app.source.backend.frame_limit import default_frame_mb
from app.source.backend.frames import FrameReader
from app.source.backend.rest import MempoolRest
from app.source.backend.stream import (
    PIECE,
    PROJECTED_BLOCKS,
    SUBSCRIPTION,
    Emit,
    MempoolWebSocket,
    stream_address,
)
from app.source.backend.transport import HttpTransport, RestAnswer, Transport

__all__ = [
    "PIECE",
    "PROJECTED_BLOCKS",
    "SUBSCRIPTION",
    "Emit",
    "FrameReader",
    "HttpTransport",
    "MempoolRest",
    "MempoolWebSocket",
    "RestAnswer",
    "Transport",
    "decode_as",
    "default_frame_mb",
    "open_link",
    "stream_address",
    "txid",
]
