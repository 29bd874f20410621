"""`python -m tests.bench.fit_lines`: print the constants of app/core/forecasting/passagetable.py.

Learned from seeds 1-4 of the reference forecasts; run again when the raw model changes.
"""

import numpy as np

from app.core.forecasting.model import ForecastModel
from app.core.forecasting.passagetable import MinerBeliefs, PassageTable
from app.core.forecasting.recalibration import IDENTITY_LINE, fit_line
from app.core.prediction import HORIZONS
from tests.bench.reference import LEARNED_FROM, in_pieces, read_reference


def main() -> None:
    cases = read_reference()
    straight = (IDENTITY_LINE,) * len(HORIZONS)
    raw = ForecastModel(table=PassageTable(MinerBeliefs(), straight, straight))
    chances = in_pieces(raw, cases.standings)
    learned = np.isin(cases.seed, LEARNED_FROM)
    below_one = cases.standings.below_one
    for name, kind in (("SIMULATED_LINES", ~below_one), ("SIMULATED_LINES_BELOW_ONE", below_one)):
        print(f"{name}: Final[tuple[Line, ...]] = (")
        for column, horizon in enumerate(HORIZONS):
            rows = learned & kind & cases.outcomes.evaluable(horizon)
            line = fit_line(chances[rows, column], cases.outcomes.came_true(horizon)[rows])
            print("    (" + ", ".join(f"{value:.3f}" for value in line) + "),")
        print(")")


if __name__ == "__main__":
    main()
