"""What the Settings page calls things: each field of an endpoint, each event, each other setting."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.api.models import EndpointSettings
from app.core.events import TO_ONE_ENDPOINT, EventType
from app.settings import Settings
from dashboard.format import FLOW_WORDS
from dashboard.forms import Asked

ENDPOINT: Mapping[str, Asked] = {
    "name": Asked(label="Name", hint="as you call it: Phone, Home Assistant"),
    "url": Asked(label="Address"),
    "email.host": Asked(label="Mail server", hint="the one you send through, like smtp.example.org"),
    "email.port": Asked(label="Port", hint="587 for STARTTLS, 465 for TLS"),
    "email.security": Asked(label="Security"),
    "email.username": Asked(label="User name", hint="empty: none is needed"),
    "email.password": Asked(label="Password", kind="secret"),
    "email.from": Asked(label="From", hint="the sender's address"),
    "email.to": Asked(label="To", hint="the address that is told"),
    "telegram.token": Asked(label="Bot token", hint="from @BotFather", kind="secret"),
    "telegram.chat_id": Asked(label="Chat id", hint="yours, or a group's, which begins with -"),
    "telegram.api_url": Asked(label="Bot API server", hint="only if you run your own; empty: Telegram's"),
    "every_minutes": Asked(label="Every so many minutes", hint="a push monitor is called while Spout works"),
    "reach": Asked(label="Where it is", hint="Spout calls it nowhere else, so that a typo leaks nothing"),
    "rules.min_moved_btc": Asked(label="At least, BTC moved", hint="empty: every whale", kind="number"),
    "rules.min_urgency": Asked(label="At least this urgent", hint="how soon it is likely to confirm"),
    "rules.flow_types": Asked(label="Which flows", hint="none ticked: all but internal ones"),
    "rules.types": Asked(
        label="Which events", hint="none ticked: all but revised forecasts and memory pressure"
    ),
    "rules.entities": Asked(
        label="Only these names", hint="one a line, like Binance; empty: all", kind="lines"
    ),
    "rules.confirmed_only": Asked(label="Only what has confirmed"),
    "quiet_hours.from": Asked(label="Quiet from", hint="empty: never quiet", kind="time"),
    "quiet_hours.to": Asked(label="Quiet until", kind="time"),
    "quiet_hours.digest": Asked(label="Sum up what was held back, when the quiet ends"),
    "budget_per_hour": Asked(
        label="At most so many an hour", hint="empty: no limit; the rest is one summary"
    ),
    "degraded_after_s": Asked(
        label="Seconds until a lost source is told", hint="a short cut is not worth a call"
    ),
    "one_thread": Asked(
        label="One message a whale", hint="edited or followed by one final; a webhook gets all"
    ),
    "watch.fee_under": Asked(label="Next block under, sat/vB", hint="empty: not watched", kind="number"),
    "watch.fee_over": Asked(label="Next block over, sat/vB", hint="empty: not watched", kind="number"),
    "watch.net_flow": Asked(
        label="Net flow of more than",
        hint="one a line, like: 500, 24, Binance (BTC; 1, 6 or 24 hours; no name: all exchanges)",
        kind="lines",
    ),
    "watch.report.every": Asked(label="A report every", options=("", "day", "week")),
    "watch.report.at": Asked(label="At", kind="time"),
    "template": Asked(label="Your own text for whales", hint="empty: Spout's, as below", kind="area"),
    "link": Asked(
        label="Link to your own explorer",
        hint="a public service would learn its address",
        kind="one",
        options=("", "true", "false"),
    ),
}
TITLES: Mapping[str, Mapping[str, str]] = {
    "reach": {
        "public": "on the internet",
        "lan": "in my own network",
        "onion": "an onion service, by SPOUT_OUTBOUND_PROXY",
    },
    "email.security": {"starttls": "STARTTLS", "tls": "TLS", "none": "none: readable on the way"},
    "rules.min_urgency": {"": "any", "low": "low", "medium": "medium", "high": "high"},
    "rules.flow_types": {flow.value: words for flow, words in FLOW_WORDS.items()},
    "watch.report.every": {"": "never", "day": "day", "week": "Monday"},
    "link": {"": "unless it is on the internet", "true": "always", "false": "never"},
}
EVENTS: Mapping[EventType, str] = {
    EventType.DETECTED: "new whale",
    EventType.UPDATED: "forecast or flow revised",
    EventType.REPLACED: "fee bumped",
    EventType.CONFIRMED: "confirmed",
    EventType.DROPPED: "dropped",
    EventType.CONFLICTED: "double-spent in a block",
    EventType.REORGED: "reorged out of its block",
    EventType.ACCURACY_DEGRADED: "forecasts got worse",
    EventType.ACCURACY_RECOVERED: "forecasts are good again",
    EventType.SOURCE_DEGRADED: "source lost",
    EventType.SOURCE_RECOVERED: "source is back",
    EventType.FEES_SPIKED: "fees spiked",
    EventType.MEMORY_PRESSURE: "memory is short",
    EventType.ENDPOINT_DISABLED: "an endpoint was turned off",
    EventType.TEST: "test",
    EventType.ALERT_DIGEST: "digest of quiet hours",
    EventType.ALERT_SUMMARY: "summary over the budget",
    EventType.FEES_CROSSED: "fee crossed your limit",
    EventType.FLOW_CROSSED: "net flow crossed your limit",
    EventType.REPORT_PERIODIC: "report",
}
BY_RULES = tuple(kind for kind in EVENTS if kind not in TO_ONE_ENDPOINT)
"""What a rule may choose from."""
SETTINGS: Mapping[str, tuple[str, str]] = {
    "SPOUT_WHALE_THRESHOLD_BTC": ("A whale moves more than", "BTC"),
    "SPOUT_RETENTION_DAYS": ("History is kept for", "days"),
    "SPOUT_ACCURACY_ALERT_BELOW": ("Warn when forecasts hold less often than", "0.7 is 7 of 10"),
    "SPOUT_TIMEZONE": ("Time zone", "of quiet hours, digests and messages"),
    "SPOUT_CURRENCY": ("Currency beside bitcoin", "like EUR, or off"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """Settings that only the environment has, by their endings, and why."""

    title: str
    why: str
    names: tuple[str, ...]


FIXED = (
    Fixed(
        title="Your node",
        why="Spout connects at its start, and a wrong address would leave it blind",
        names=(
            *("SOURCE", "MEMPOOL_URL", "ELECTRS_URL", "BITCOIND_URL", "BITCOIND_COOKIE_FILE"),
            *("BITCOIND_ZMQ_RAWTX", "BITCOIND_ZMQ_SEQUENCE", "BITCOIND_ZMQ_HASHBLOCK", "CA_FILE"),
        ),
    ),
    Fixed(
        title="Who gets in, and where data lies",
        why="an open browser tab must not be able to open the box to others",
        names=("DATA_DIR", "HOST", "PORT", "PASSWORD", "SECRET", "TRUST_PROXY_AUTH", "TRUSTED_PROXIES"),
    ),
    Fixed(
        title="What Spout may call",
        why="an open browser tab must not widen what leaves your network",
        names=("OUTBOUND_PROXY", "ALLOWED_TARGETS", "MQTT_URL", "MEMPOOL_APP_URL"),
    ),
    Fixed(
        title="What the machine gives",
        why="set once, by whoever packages Spout for this box",
        names=("MEMORY_LIMIT_MB", "MAX_FRAME_MB", "STREAM_CLIENTS", "LOG_LEVEL", "LOG_FORMAT"),
    ),
)
PREFIX = "SPOUT_"


def fixed() -> list[dict[str, object]]:
    """As the page says them, names in full."""
    return [
        {"title": one.title, "why": one.why, "names": [PREFIX + name for name in one.names]} for one in FIXED
    ]


def without_field() -> list[str]:
    """Return the settings of an endpoint that its form has no field for, and that decide what is sent.

    Not the mute: of the past, which the preview tells, it would mute all.
    """
    asked = {name.split(".")[0] for name in ENDPOINT}
    return [name for name in EndpointSettings.model_fields if name not in asked | {"muted_until"}]


def unexplained() -> set[str]:
    """Settings that the page neither offers nor explains; a test keeps it empty."""
    known = {*SETTINGS, *(PREFIX + name for one in FIXED for name in one.names)}
    return {PREFIX + name.upper() for name in Settings.model_fields} ^ known
