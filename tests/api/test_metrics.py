"""What /metrics exposes, and that the Grafana dashboard asks for nothing else."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.core.firsts import Lead
from app.core.models import SourceName
from app.core.observations import MempoolMeasured
from app.core.units import SatPerVb
from app.metrics import Metrics
from app.views import BreakerState, Component, ComponentStatus, HitCount, Reconnects, Snapshot
from tests.api.builders import a_prediction
from tests.api.conftest import READ, Composition
from tests.builders import a_block
from tests.fakes import NOON

GRAFANA = Path(__file__).parents[2] / "packaging" / "grafana" / "spout.json"
PROMISED = {
    "spout_alert_latency_seconds",
    "spout_decode_seconds",
    "spout_pipeline_seconds",
    "spout_source_lead_milliseconds",
    "spout_pending_whales",
    "spout_shed",
    "spout_gaps",
    "spout_source_reconnects",
    "spout_deliveries",
    "spout_accuracy_hit_rate",
    "spout_rss_megabytes",
    "spout_loop_lag_milliseconds",
    "spout_database_bytes",
}
_WORDS = re.compile(r"\b(?:spout|process)_[a-z_]+\b")


def all_known(snapshot: Snapshot) -> Snapshot:
    """A Snapshot in which nothing is unknown."""
    source = Component(
        name="bitcoind",
        status=ComponentStatus.OK,
        since=NOON,
        reconnects=Reconnects(attempts=3, successes=1, failures=2),
        breaker=BreakerState.OPEN,
    )
    mempool = MempoolMeasured(
        count=5,
        vbytes=100,
        usage_bytes=100,
        limit_bytes=200,
        minimum_feerate=SatPerVb(1.0),
        loaded=True,
        source=SourceName.BITCOIND,
    )
    return replace(
        snapshot,
        tip=a_block(900_000),
        mempool=mempool,
        components=(source,),
        leads=(Lead(source=SourceName.BITCOIND, first=7, median_lead_ms=12.5),),
        accuracy=HitCount(window="24h", n=40, on_time=30),
        pending=(a_prediction(),),
        rss_mb=100.0,
        memory_limit_mb=500,
        database_bytes=1_000,
        loop_lag_ms=0.5,
    )


async def exposed(composition: Composition) -> dict[str, dict[tuple[str, ...], float]]:
    """Samples by family, then by their labels' values."""
    text = (await composition.http.get("/metrics", headers=READ)).text
    return {
        family.name: {(one.name, *one.labels.values()): one.value for one in family.samples}
        for family in text_string_to_metric_families(text)
    }


async def test_every_promised_figure_is_exposed(composition: Composition) -> None:
    composition.live.show(all_known(composition.live.snapshot))

    assert set(await exposed(composition)) >= PROMISED


async def test_the_dashboard_asks_for_names_that_are_exposed(composition: Composition) -> None:
    composition.live.show(all_known(composition.live.snapshot))
    asked = set(_WORDS.findall(" ".join(expressions())))

    found = await exposed(composition)
    names = {name for samples in found.values() for name, *_ in samples}
    without_samples = {f"{family}_total" for family, samples in found.items() if not samples}

    assert asked - names - without_samples == set()


async def test_the_dashboard_shows_every_promised_figure() -> None:
    asked = " ".join(expressions())

    assert {name for name in PROMISED if name not in asked} == set()


async def test_what_is_unknown_is_absent(composition: Composition) -> None:
    composition.live.show(replace(composition.live.snapshot, accuracy=HitCount(window="7d", n=3, on_time=3)))
    found = await exposed(composition)

    assert "spout_accuracy_hit_rate" not in found
    assert found["spout_accuracy_forecasts"] == {("spout_accuracy_forecasts",): 3}


async def test_a_sources_figures_are_its_own(composition: Composition) -> None:
    composition.live.show(all_known(composition.live.snapshot))
    found = await exposed(composition)

    assert found["spout_source_reconnects"] == {
        ("spout_source_reconnects_total", "success", "bitcoind"): 1,
        ("spout_source_reconnects_total", "failure", "bitcoind"): 2,
    }
    assert found["spout_source_breaker_open"] == {("spout_source_breaker_open", "bitcoind"): 1}
    assert found["spout_source_lead_milliseconds"] == {("spout_source_lead_milliseconds", "bitcoind"): 12.5}


@pytest.mark.parametrize("delivered", [True, False])
def test_attempts_are_counted_by_their_result(*, delivered: bool) -> None:
    metrics = Metrics()
    metrics.attempted(delivered=delivered)

    result = "delivered" if delivered else "failed"
    assert metrics.registry.get_sample_value("spout_deliveries_total", {"result": result}) == 1


def expressions() -> list[str]:
    dashboard = json.loads(GRAFANA.read_text(encoding="utf-8"))
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
