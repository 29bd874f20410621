"""The parts of the Settings page: each is drawn at once and asks the HTTP API by itself.

What is typed here may be secret, so it goes from the browser to `/api/v1/…` with the page's token and never
through a Bokeh document; nothing here has Python behind it, so the page is frozen.
"""

import param

from dashboard.components.base import EarlyComponent


class SectionLinks(EarlyComponent):
    """Links to the page's sections, of which one is shown. `links`: of [id, title]."""

    links = param.List(default=[])

    module = "section_links.js"


class EndpointList(EarlyComponent):
    """Every endpoint with how it fares, and the form of one. `fields`: as `described` makes them.

    `names`: for a text of one's own. `kept`: settings without a field, which the preview counts too.
    """

    fields = param.List(default=[])
    names = param.List(default=[])
    kept = param.List(default=[])

    module = "endpoint_list.js"


class DeliveryLog(EarlyComponent):
    """What was sent, filtered, each attempt, and once more. `events`: words by type of event."""

    events = param.Dict(default={})

    module = "delivery_log.js"


class LiveSettings(EarlyComponent):
    """The starred settings, and the others with why they are not here.

    `labels`: of name to [label, unit]. `fixed`: of {"title", "why", "names"}.
    """

    labels = param.Dict(default={})
    fixed = param.List(default=[])

    module = "live_settings.js"


class OwnLabels(EarlyComponent):
    """The operator's own labels: list, add, remove, import.

    `kinds`: an entity may be of. `largest_file`: to import, in bytes.
    """

    kinds = param.List(default=[])
    largest_file = param.Integer(default=0)

    module = "own_labels.js"


class ApiKeys(EarlyComponent):
    """API keys: list, make, revoke. No parameters."""

    module = "api_keys.js"


class PasswordForm(EarlyComponent):
    """The operator's password. No parameters."""

    module = "password_form.js"


class BackupList(EarlyComponent):
    """The backups that lie beside the data, and one more now. No parameters."""

    module = "backup_list.js"


class AuditLog(EarlyComponent):
    """What was changed, when and by whom. No parameters."""

    module = "audit_log.js"
