"""Reloads whales that were unloaded when memory ran short."""

from app.core.observations import Observation, PredictionRecalled, Unanswered
from app.core.questions import AskStored, Question
from app.errors import SourceError, StoreError
from app.store.predictions import PredictionStore


class Recall:
    """Answers questions for stored predictions only."""

    def __init__(self, store: PredictionStore) -> None:
        self._store = store

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        """Return the prediction.

        Raises:
            SourceError: if it is another question.
        """
        if not isinstance(question, AskStored):
            raise SourceError("the store is asked for predictions only")
        try:
            found = await self._store.one(question.prediction_id)
        except StoreError as error:
            return (Unanswered(question=question, reason=str(error)),)
        return (PredictionRecalled(prediction_id=question.prediction_id, prediction=found),)
