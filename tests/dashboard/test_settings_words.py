"""The Settings page's words: every setting, event and field of an endpoint has some."""

from app.api.models import NewEndpoint
from app.core.events import EventType
from dashboard.forms import Asked, described
from dashboard.settings import words


def test_every_setting_is_offered_or_its_absence_explained() -> None:
    assert words.unexplained() == set()


def test_every_event_has_words() -> None:
    assert set(words.EVENTS) == set(EventType)


def test_every_field_of_an_endpoint_is_asked_for() -> None:
    elsewhere = {"kind", "enabled", "muted_until", "follows", "secret"}
    asked = {name.split(".")[0] for name in words.ENDPOINT}

    assert {*NewEndpoint.model_fields} - elsewhere == asked


def test_a_field_within_has_the_kind_options_and_value_of_the_model() -> None:
    (field,) = described(NewEndpoint, {"email.security": Asked(label="Security")}, {})

    assert (field["kind"], field["options"], field["value"]) == (
        "one",
        ["starttls", "tls", "none"],
        "starttls",
    )


def test_an_option_without_words_is_not_offered() -> None:
    (field,) = described(NewEndpoint, {"reach": Asked(label="Reach")}, {"reach": {"lan": "at home"}})

    assert (field["options"], field["titles"]) == (["lan"], ["at home"])


def test_what_may_be_empty_may_be_chosen_so() -> None:
    (field,) = described(NewEndpoint, {"rules.min_urgency": Asked(label="Urgency")}, {})

    assert field["options"] == ["", "low", "medium", "high"]


def test_what_the_form_does_not_show_and_decides_what_is_sent_is_previewed_too() -> None:
    assert words.without_field() == ["enabled", "follows"]
