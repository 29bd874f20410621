"""A whale that was unloaded comes back as it was stored."""

import pytest

from app.core.observations import PredictionRecalled, Unanswered
from app.core.questions import AskStatus, AskStored
from app.errors import SourceError
from app.store import Recall
from app.store.opening import Opened
from app.store.predictions import PredictionStore
from tests.builders import numbered_txid
from tests.store.builders import a_prediction


async def test_it_comes_back_as_it_was(store: PredictionStore) -> None:
    whale = a_prediction()
    await store.append([], [whale], [])

    (answer,) = await Recall(store).answer(AskStored(whale.prediction_id))

    assert answer == PredictionRecalled(prediction_id=whale.prediction_id, prediction=whale)


async def test_of_one_that_is_not_kept_nothing_comes_back(store: PredictionStore) -> None:
    (answer,) = await Recall(store).answer(AskStored("whl_none"))

    assert answer == PredictionRecalled(prediction_id="whl_none", prediction=None)


async def test_a_database_that_is_closed_leaves_the_question_open(
    opened: Opened, store: PredictionStore
) -> None:
    await opened.database.close()

    (answer,) = await Recall(store).answer(AskStored("whl_1"))

    assert isinstance(answer, Unanswered)


async def test_what_only_a_node_knows_is_not_asked_of_it(store: PredictionStore) -> None:
    with pytest.raises(SourceError):
        await Recall(store).answer(AskStatus(numbered_txid(1)))
