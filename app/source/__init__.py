"""Adapters to nodes: a backend, a bitcoind, an Electrum server or a recording, read as observations."""

from typing import TYPE_CHECKING

from app.front_door import lazily

if TYPE_CHECKING:
    from app.source.answering import Answering as Answering
    from app.source.backend import PIECE as PIECE
    from app.source.backend import Emit as Emit
    from app.source.backend import FrameReader as FrameReader
    from app.source.backend import HttpTransport as HttpTransport
    from app.source.backend import MempoolRest as MempoolRest
    from app.source.backend import Transport as Transport
    from app.source.bitcoind import BitcoindRpc as BitcoindRpc
    from app.source.bitcoind import RpcEndpoint as RpcEndpoint
    from app.source.build import COOKIE_NODE as COOKIE_NODE
    from app.source.build import Surroundings as Surroundings
    from app.source.build import answers_at as answers_at
    from app.source.build import demo_sources as demo_sources
    from app.source.build import sources_of as sources_of
    from app.source.checks import SKEW_SECONDS as SKEW_SECONDS
    from app.source.checks import BackendExam as BackendExam
    from app.source.checks import CheckVerdict as CheckVerdict
    from app.source.checks import Finding as Finding
    from app.source.checks import KnownBlock as KnownBlock
    from app.source.checks import examine_backend as examine_backend
    from app.source.checks import examine_bitcoind as examine_bitcoind
    from app.source.checks import examine_electrs as examine_electrs
    from app.source.checks import known_to_backend as known_to_backend
    from app.source.checks import known_to_node as known_to_node
    from app.source.checks import why_silent as why_silent
    from app.source.electrum import Electrs as Electrs
    from app.source.electrum import ElectrumEndpoint as ElectrumEndpoint
    from app.source.recording import JsonLines as JsonLines
    from app.source.recording import RecordedTransport as RecordedTransport
    from app.source.recording import Recorder as Recorder
    from app.source.recording import RecordingTransport as RecordingTransport
    from app.source.recording import moments as moments
    from app.source.recording import zero_of as zero_of
    from app.source.resilience import Guard as Guard
    from app.source.resilience import Patience as Patience
    from app.source.resilience import SeenTxids as SeenTxids
    from app.source.resilience import SourceHealth as SourceHealth
    from app.source.resilience import trusting as trusting
    from app.source.resilience import within as within
    from app.source.sources import Sources as Sources
    from app.source.sources import off as off
    from app.source.visibility_watch import ANNOUNCING as ANNOUNCING
    from app.source.visibility_watch import VisibilityWatch as VisibilityWatch
    from app.source.visibility_watch import last_announced as last_announced

__getattr__ = lazily(
    __name__,
    {
        "app.source.answering": ("Answering",),
        "app.source.backend": (
            "FrameReader",
            "HttpTransport",
            "MempoolRest",
            "PIECE",
            "Emit",
            "Transport",
        ),
        "app.source.bitcoind": (
            "BitcoindRpc",
            "RpcEndpoint",
        ),
        "app.source.build": (
            "COOKIE_NODE",
            "Surroundings",
            "answers_at",
            "demo_sources",
            "sources_of",
        ),
        "app.source.checks": (
            "BackendExam",
            "Finding",
            "KnownBlock",
            "SKEW_SECONDS",
            "CheckVerdict",
            "examine_backend",
            "examine_bitcoind",
            "examine_electrs",
            "known_to_backend",
            "known_to_node",
            "why_silent",
        ),
        "app.source.electrum": (
            "Electrs",
            "ElectrumEndpoint",
        ),
        "app.source.recording": (
            "JsonLines",
            "RecordedTransport",
            "Recorder",
            "RecordingTransport",
            "moments",
            "zero_of",
        ),
        "app.source.resilience": (
            "SeenTxids",
            "Guard",
            "Patience",
            "SourceHealth",
            "trusting",
            "within",
        ),
        "app.source.sources": (
            "Sources",
            "off",
        ),
        "app.source.visibility_watch": ("ANNOUNCING", "VisibilityWatch", "last_announced"),
    },
)
