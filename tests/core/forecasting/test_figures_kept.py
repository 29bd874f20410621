"""The figures themselves: docs/accuracy.md was measured with these, so that none changes unnoticed."""

from dataclasses import replace

import pytest

from app.core.forecasting.pace import Pace
from tests.core.fee_markets import AT, a_market, a_model, an_inflow, forecast_one, waiting

QUEUE = ((1.0, 3e6), (2.0, 8e6), (5.0, 2e6), (12.0, 9e5), (40.0, 3e5))
ARRIVING = ((1.0, 300.0), (3.0, 900.0), (8.0, 500.0), (30.0, 200.0))
TIP = 900_000
FIGURES = (
    # feerate, age and seconds watched, how much waits, the mempool's limit; then what is forecast
    (
        (0.5, 600.0, 20000.0, 1.0, 150000000.0),
        [2.6e-05, 0.005579, 0.012497, 0.030702, 0.068166, 0.154207, 0.869522],
        0.0009393,
        121,
        0.800048,
        0.010806,
        67760,
        False,
    ),
    (
        (1.5, 600.0, 20000.0, 1.0, 150000000.0),
        [0.002741, 0.005579, 0.013115, 0.030702, 0.068166, 0.237978, 0.951383],
        0.0004415,
        99,
        0.802195,
        0.064456,
        55440,
        False,
    ),
    (
        (3.0, 600.0, 20000.0, 1.0, 150000000.0),
        [0.002741, 0.005579, 0.013115, 0.240918, 0.623916, 0.84754, 0.999822],
        2.57e-05,
        21,
        0.80446,
        0.257856,
        11760,
        False,
    ),
    (
        (6.0, 600.0, 20000.0, 1.0, 150000000.0),
        [0.002741, 0.410658, 0.638621, 0.868571, 0.94365, 0.979171, 0.999822],
        2.9e-06,
        5,
        0.808087,
        0.606357,
        2800,
        False,
    ),
    (
        (15.0, 600.0, 20000.0, 1.0, 150000000.0),
        [0.904395, 0.968667, 0.979643, 0.994386, 0.997968, 0.998193, 0.999822],
        2e-07,
        1,
        0.904395,
        0.964324,
        560,
        False,
    ),
    (
        (100.0, 600.0, 20000.0, 1.0, 150000000.0),
        [0.97478, 0.997351, 0.998738, 0.998738, 0.998738, 0.998738, 0.999822],
        0.0,
        1,
        0.97478,
        0.993064,
        560,
        False,
    ),
    (
        (6.0, 10.0, 20000.0, 1.0, 150000000.0),
        [0.002741, 0.425438, 0.648605, 0.872323, 0.945422, 0.979447, 0.999822],
        2.9e-06,
        5,
        0.813477,
        0.609791,
        2800,
        False,
    ),
    (
        (6.0, 600.0, 300.0, 1.0, 150000000.0),
        [0.002741, 0.354193, 0.546137, 0.759525, 0.856175, 0.916698, 0.995542],
        2.9e-06,
        9,
        0.816061,
        0.555974,
        5040,
        True,
    ),
    (
        (0.8, 600.0, 1.0, 1.0, 150000000.0),
        [2.6e-05, 0.005579, 0.012497, 0.030702, 0.068166, 0.178358, 0.904087],
        0.0009393,
        112,
        0.802295,
        0.010806,
        62720,
        True,
    ),
    (
        (2.0, 600.0, 1799.0, 1.0, 150000000.0),
        [0.002741, 0.005579, 0.013115, 0.030702, 0.112395, 0.347643, 0.981181],
        0.0001834,
        87,
        0.803008,
        0.134879,
        48720,
        True,
    ),
    (
        (1.5, 600.0, 20000.0, 1.0, 12000000.0),
        [0.002741, 0.005579, 0.013115, 0.030702, 0.068166, 0.237978, 0.951383],
        0.0486172,
        99,
        0.802195,
        0.064456,
        55440,
        False,
    ),
    (
        (3.0, 600.0, 20000.0, 0.5, 150000000.0),
        [0.002741, 0.082953, 0.316181, 0.640311, 0.842294, 0.908665, 0.999822],
        7.3e-06,
        11,
        0.816939,
        0.43347,
        6160,
        False,
    ),
    (
        (1.5, 600.0, 20000.0, 10.0, 150000000.0),
        [0.002741, 0.005579, 0.013115, 0.030702, 0.068166, 0.157864, 0.635027],
        0.2129921,
        None,
        0.635027,
        0.064456,
        None,
        False,
    ),
)


@pytest.mark.parametrize(
    ("given", "chances", "dropped", "block", "confidence", "urgency", "eta", "widened"), FIGURES
)
def test_a_forecast_is_what_it_was_when_its_accuracy_was_measured(
    given: tuple[float, ...],
    chances: list[float],
    dropped: float,
    block: int | None,
    confidence: float,
    urgency: float,
    eta: int | None,
    *,
    widened: bool,
) -> None:
    feerate, age, seconds, scale, limit = given
    made = forecast_one(
        waiting(feerate, vsize=400.0, age_seconds=age),
        a_market([(rate, size * scale) for rate, size in QUEUE], limit_vbytes=limit, height=TIP),
        an_inflow(ARRIVING, seconds),
        replace(a_model(), pace=Pace(interval_seconds=560.0, capacity_vbytes=950_000.0)),
        AT,
    )
    assert made is not None

    assert made.probabilities == pytest.approx(chances, abs=2e-6)
    assert made.p_dropped == pytest.approx(dropped, abs=2e-7)
    assert made.predicted_block == (None if block is None else TIP + block)
    assert (made.confidence_score, made.urgency_score) == pytest.approx((confidence, urgency), abs=2e-6)
    assert (made.eta_seconds, made.widened, made.inflow_seconds) == (eta, widened, seconds)
    assert (made.made_at, made.at_height, made.feerate, made.raw) == (AT, TIP, feerate, ())
