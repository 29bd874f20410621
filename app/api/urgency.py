"""The current fee market, as far as known; unknown values are None."""

from app.api.base import ApiHandler
from app.api.models import Mempool, Recalibration, UrgencyMetrics
from app.core.forecasting import PERCENTILES, QueueSource
from app.core.observations import TIERS, MempoolMeasured
from app.views import Snapshot


class UrgencyMetricsHandler(ApiHandler):
    REVALIDATED = True

    async def get(self) -> None:
        self.answer(urgency_of(self.parts.live.snapshot))


def urgency_of(snapshot: Snapshot) -> UrgencyMetrics:
    """Percentiles, blocks to confirm, congestion and spike are the forecaster's: None until it has run."""
    fees, figures = snapshot.fees, snapshot.figures
    percentiles = (figures.percentiles if figures else None) or dict.fromkeys(PERCENTILES)
    return UrgencyMetrics(
        block_height=snapshot.tip.height if snapshot.tip else None,
        fee_percentiles={str(percent): rate for percent, rate in percentiles.items()},
        recommended_fees=dict(fees.by_tier) if fees else dict.fromkeys(TIERS),
        blocks_to_confirm=(figures.blocks_to_confirm if figures else None) or dict.fromkeys(TIERS),
        mempool=_mempool(snapshot.mempool),
        congestion=figures.congestion if figures else None,
        fee_spike=figures.fee_spike if figures else None,
        queue_source=QueueSource(figures.source) if figures else None,
        recalibration=Recalibration(
            in_use=figures.recalibrated if figures else False,
            outcomes=figures.recalibration_outcomes if figures else 0,
            age_s=figures.recalibration_age_seconds if figures else None,
        ),
        updated_at=figures.updated_at if figures else snapshot.made_at,
    )


def _mempool(given: MempoolMeasured | None) -> Mempool:
    return Mempool(
        transactions=given.count if given else None,
        vsize=given.vbytes if given else None,
        usage_bytes=given.usage_bytes if given else None,
        limit_bytes=given.limit_bytes if given else None,
        minimum_fee_rate=given.minimum_feerate if given else None,
    )
