"""Pure rules of alerts: what goes to whom and when, retries, text."""

from app.core.alerts.held import summary_of
from app.core.alerts.policy import (
    Held,
    HoldReason,
    Memory,
    Owed,
    Policy,
    Ruling,
    Thread,
    Threads,
    decide,
    next_due,
    paid,
    roll,
)
from app.core.alerts.privacy import masked, without_own_labels
from app.core.alerts.quiet import QuietHours, quiet_end
from app.core.alerts.replaying import RuleReplay, Sent
from app.core.alerts.rules import Rules, refused_by, wanted
from app.core.alerts.schedule import (
    DISABLED_AFTER,
    SCHEDULE_SECONDS,
    AttemptVerdict,
    EndpointProgress,
    Result,
    after_attempt,
)
from app.core.alerts.watching import (
    FlowWatch,
    ReportAt,
    Watch,
    Watched,
    fees_crossed,
    flow_crossed,
    report_due,
    report_facts,
)
from app.core.alerts.wording import TEMPLATE_FIELDS, Message, Style, check_template, fields_of, words_of

__all__ = [
    "DISABLED_AFTER",
    "SCHEDULE_SECONDS",
    "TEMPLATE_FIELDS",
    "AttemptVerdict",
    "EndpointProgress",
    "FlowWatch",
    "Held",
    "HoldReason",
    "Memory",
    "Message",
    "Owed",
    "Policy",
    "QuietHours",
    "ReportAt",
    "Result",
    "RuleReplay",
    "Rules",
    "Ruling",
    "Sent",
    "Style",
    "Thread",
    "Threads",
    "Watch",
    "Watched",
    "after_attempt",
    "check_template",
    "decide",
    "fees_crossed",
    "fields_of",
    "flow_crossed",
    "masked",
    "next_due",
    "paid",
    "quiet_end",
    "refused_by",
    "report_due",
    "report_facts",
    "roll",
    "summary_of",
    "wanted",
    "without_own_labels",
    "words_of",
]
