"""What the fee market is like now, as far as it is known; what nobody has said is None."""

from typing import Any

from app.api.base import ApiHandler
from app.core.contract import iso
from app.views import Snapshot

PERCENTILES = (10, 25, 50, 75, 90)
TIERS = ("fastest", "half_hour", "hour", "economy", "minimum")


class UrgencyMetricsHandler(ApiHandler):
    async def get(self) -> None:
        self.answer(urgency_body(self.parts.live.snapshot))


def urgency_body(snapshot: Snapshot) -> dict[str, Any]:
    """Percentiles, blocks to confirm, congestion and spike are the forecaster's: None until it says."""
    fees, mempool = snapshot.fees, snapshot.mempool
    return {
        "block_height": snapshot.tip.height if snapshot.tip else None,
        "fee_percentiles": {str(percent): None for percent in PERCENTILES},
        "recommended_fees": {tier: getattr(fees, tier) if fees else None for tier in TIERS},
        "blocks_to_confirm": dict.fromkeys(TIERS),
        "mempool": {
            "transactions": mempool.count if mempool else None,
            "vsize": mempool.vbytes if mempool else None,
            "usage_bytes": mempool.usage_bytes if mempool else None,
            "limit_bytes": mempool.limit_bytes if mempool else None,
            "minimum_fee_rate": mempool.minimum_feerate if mempool else None,
        },
        "congestion": None,
        "fee_spike": None,
        "updated_at": iso(snapshot.made_at),
    }
