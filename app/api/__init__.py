"""The HTTP API and the event stream."""

from typing import TYPE_CHECKING

from app.front_door import lazily

if TYPE_CHECKING:
    from app.api.limits import Limiter as Limiter
    from app.api.parts import Audit as Audit
    from app.api.parts import Backups as Backups
    from app.api.parts import Endpoints as Endpoints
    from app.api.parts import Keys as Keys
    from app.api.parts import Labels as Labels
    from app.api.parts import OwnSettings as OwnSettings
    from app.api.parts import Parts as Parts
    from app.api.passwords import hashed as hashed
    from app.api.passwords import refuse_bad_password as refuse_bad_password
    from app.api.story import story_of as story_of
    from app.api.stream import StreamLimits as StreamLimits
    from app.api.stream import Streams as Streams

__getattr__ = lazily(
    __name__,
    {
        "app.api.limits": ("Limiter",),
        "app.api.parts": (
            "Audit",
            "Backups",
            "Endpoints",
            "Keys",
            "Labels",
            "OwnSettings",
            "Parts",
        ),
        "app.api.passwords": ("hashed", "refuse_bad_password"),
        "app.api.story": ("story_of",),
        "app.api.stream": (
            "StreamLimits",
            "Streams",
        ),
    },
)
