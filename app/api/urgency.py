"""What the fee market is like now, as far as it is known; what nobody has said is None."""

from typing import Any

from app.api.base import ApiHandler
from app.core.contract import iso
from app.core.observations import TIERS
from app.core.urgency import PERCENTILES
from app.views import Snapshot


class UrgencyMetricsHandler(ApiHandler):
    async def get(self) -> None:
        self.answer(urgency_body(self.parts.live.snapshot))


def urgency_body(snapshot: Snapshot) -> dict[str, Any]:
    """Percentiles, blocks to confirm, congestion and spike are the forecaster's: None until it says."""
    fees, mempool, figures = snapshot.fees, snapshot.mempool, snapshot.figures
    percentiles = (figures.percentiles if figures else None) or dict.fromkeys(PERCENTILES)
    blocks_to_confirm = (figures.blocks_to_confirm if figures else None) or dict.fromkeys(TIERS)
    return {
        "block_height": snapshot.tip.height if snapshot.tip else None,
        "fee_percentiles": {str(percent): rate for percent, rate in percentiles.items()},
        "recommended_fees": fees.by_tier if fees else dict.fromkeys(TIERS),
        "blocks_to_confirm": blocks_to_confirm,
        "mempool": {
            "transactions": mempool.count if mempool else None,
            "vsize": mempool.vbytes if mempool else None,
            "usage_bytes": mempool.usage_bytes if mempool else None,
            "limit_bytes": mempool.limit_bytes if mempool else None,
            "minimum_fee_rate": mempool.minimum_feerate if mempool else None,
        },
        "congestion": figures.congestion.value if figures else None,
        "fee_spike": figures.fee_spike if figures else None,
        "queue_source": figures.source if figures else None,
        "recalibration": {
            "in_use": figures.recalibrated if figures else False,
            "outcomes": figures.recalibration_outcomes if figures else 0,
            "age_s": figures.recalibration_age_seconds if figures else None,
        },
        "updated_at": iso(figures.updated_at if figures else snapshot.made_at),
    }
