"""Transactions related to each other in every way that a tracker tells apart, and what it concludes."""

import random
from collections import deque
from collections.abc import Iterable

from app.core.observations import Observation, Unanswered
from app.core.questions import AskPrevouts
from app.core.tracking import Tracker
from tests.backend.transactions import BTC, Built, Pay, a_child, a_coin, a_payment, a_transaction, bumped
from tests.core.story import a_whale_policy
from tests.fakes import NOON


def related(chance: random.Random) -> list[Built]:
    """Whales and small ones, in any order: their children, rivals, siblings, replacements, and strangers."""
    small = [Pay(1 * BTC, "small", "p2wpkh"), Pay(1 * BTC, "rest", "p2wpkh")]
    known: list[Built] = [a_payment(150 * BTC, fee=3_000)]
    for _ in range(12):
        of = chance.choice(known)
        match chance.randrange(7):
            case 0:
                known.append(a_payment(chance.choice((1, 150, 300)) * BTC))
            case 1:
                known.append(a_child(of, chance.randrange(len(of.pays)), fee=500 + chance.randrange(900)))
            case 2:
                known.append(bumped(of, 1_000 + chance.randrange(5_000)))
            case 3:  # a small rival
                coin = chance.choice(of.coins)
                known.append(a_transaction([coin], [Pay(coin.value // 3, "rival", "p2wpkh")]))
            case 4:  # a whale that spends from a small one too
                known.append(a_transaction([a_coin(151 * BTC), of.coin(0)], [Pay(150 * BTC, "to", "p2wpkh")]))
            case 5:
                known.append(of)
            case _:
                known.append(a_transaction([a_coin(3 * BTC)], small))
    return known


def concluded(groups: Iterable[Iterable[Observation]]) -> tuple[object, ...]:
    """What comes of these: events with their transactions, questions by group, and how many were counted."""
    tracker = Tracker(a_whale_policy())
    events: list[tuple[str, str]] = []
    questions: list[set[str]] = []
    for group in groups:
        asked: set[str] = set()
        waiting = deque(group)
        while waiting:
            out = tracker.handle(waiting.popleft(), NOON)
            events += [(one.type.value, one.prediction.txid) for one in out.happenings if one.prediction]
            asked |= {repr(question) for question in out.questions}
            waiting.extendleft(
                Unanswered(question=question, reason="not here")
                for question in out.questions
                if isinstance(question, AskPrevouts)
            )
        questions.append(asked)
    assert events, "there is at least one whale"
    return events, questions, tracker.tally.transactions, tracker.candidates
