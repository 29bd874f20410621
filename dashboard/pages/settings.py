"""The Settings page, `/settings`: where alerts go and when, what is changed live, and what was changed."""

from app.api.models import NewEndpoint
from app.core.alerts import TEMPLATE_FIELDS
from app.core.flow import KINDS, MOST_FILE_BYTES
from dashboard.forms import described
from dashboard.page import PageSources, SpoutPage
from dashboard.settings import words
from dashboard.settings.components import (
    ApiKeys,
    AuditLog,
    BackupList,
    DeliveryLog,
    EndpointList,
    LiveSettings,
    OwnLabels,
    PasswordForm,
    SectionLinks,
)

SECTIONS = (
    ("alerts", "Alerts"),
    ("deliveries", "Deliveries"),
    ("general", "General"),
    ("labels", "Labels"),
    ("access", "Access"),
    ("backup", "Backup"),
    ("changes", "Changes"),
)


def settings(_sources: PageSources) -> SpoutPage:
    events = {kind.value: said for kind, said in words.EVENTS.items()}
    titles = {**words.TITLES, "rules.types": {kind.value: words.EVENTS[kind] for kind in words.BY_RULES}}
    return SpoutPage(
        "settings.html",
        title="Settings",
        frozen=True,
        sections=SectionLinks(links=[list(one) for one in SECTIONS]),
        endpoints=EndpointList(
            fields=described(NewEndpoint, words.ENDPOINT, titles),
            names=list(TEMPLATE_FIELDS),
            kept=words.without_field(),
        ),
        deliveries=DeliveryLog(events=events),
        general=LiveSettings(
            labels={name: list(said) for name, said in words.SETTINGS.items()}, fixed=words.fixed()
        ),
        labels=OwnLabels(kinds=list(KINDS), largest_file=MOST_FILE_BYTES),
        keys=ApiKeys(),
        password=PasswordForm(),
        backups=BackupList(),
        changes=AuditLog(),
    )
