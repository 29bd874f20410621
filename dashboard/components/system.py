"""What shows how the appliance itself is: its parts, its counters, its changes of health, its log."""

from dashboard.components.base import EarlyComponent


class ComponentHealth(EarlyComponent):
    """A card for each component and source: state, since when, how fast it answers. No parameters."""

    module = "component_health.js"


class Counters(EarlyComponent):
    """What was counted since the start, the database's size, the loop's lag. No parameters."""

    module = "counters.js"


class HealthChanges(EarlyComponent):
    """Every change of health, the newest first. No parameters."""

    module = "health_changes.js"


class CalledHosts(EarlyComponent):
    """Every host that alerts have ever called; empty before the first. No parameters."""

    module = "called_hosts.js"


class LogLines(EarlyComponent):
    """The latest lines of the log, the newest first. No parameters."""

    module = "log_lines.js"
