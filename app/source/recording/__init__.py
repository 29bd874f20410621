"""Recordings of a backend: made, played back, and the bundled demo."""

from typing import TYPE_CHECKING

from app.front_door import lazily

if TYPE_CHECKING:
    from app.source.recording.demo import DemoBackend as DemoBackend
    from app.source.recording.json_lines import JsonLines as JsonLines
    from app.source.recording.play import RecordedTransport as RecordedTransport
    from app.source.recording.play import moments as moments
    from app.source.recording.play import zero_of as zero_of
    from app.source.recording.record import Recorder as Recorder
    from app.source.recording.record import RecordingTransport as RecordingTransport

__getattr__ = lazily(
    __name__,
    {
        "app.source.recording.demo": ("DemoBackend",),
        "app.source.recording.json_lines": ("JsonLines",),
        "app.source.recording.play": (
            "RecordedTransport",
            "moments",
            "zero_of",
        ),
        "app.source.recording.record": (
            "Recorder",
            "RecordingTransport",
        ),
    },
)
