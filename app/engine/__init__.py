"""The pipeline over live or recorded sources, and the long-running tasks around it."""

from typing import TYPE_CHECKING

from app.front_door import lazily

if TYPE_CHECKING:
    from app.engine.engine import Engine as Engine
    from app.engine.inbox import Inbox as Inbox
    from app.engine.memory import give_back as give_back
    from app.engine.pipeline import Pipeline as Pipeline
    from app.engine.replay import Replay as Replay
    from app.engine.replay import Summary as Summary
    from app.engine.safekeeping import Safekeeping as Safekeeping
    from app.engine.safekeeping import restored_words as restored_words
    from app.engine.safekeeping import summary_of as summary_of
    from app.engine.whale_policy import LabelsInForce as LabelsInForce
    from app.engine.whale_policy import make_whale_policy as make_whale_policy

__getattr__ = lazily(
    __name__,
    {
        "app.engine.engine": ("Engine",),
        "app.engine.inbox": ("Inbox",),
        "app.engine.memory": ("give_back",),
        "app.engine.pipeline": ("Pipeline",),
        "app.engine.replay": (
            "Replay",
            "Summary",
        ),
        "app.engine.safekeeping": ("Safekeeping", "restored_words", "summary_of"),
        "app.engine.whale_policy": (
            "LabelsInForce",
            "make_whale_policy",
        ),
    },
)
