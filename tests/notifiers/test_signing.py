"""The independent verifier of the specification's authors judges what we sign."""

from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from app.errors import EndpointError
from notifiers.signing import SigningSecret, headers, key_of, new_secret

BODY = '{"words": "Börse → 1 234,5 ₿"}'.encode()


def test_what_is_signed_now_is_verified() -> None:
    secret = new_secret()

    reported = headers("evt_1", datetime.now(UTC), BODY, [SigningSecret(secret)])

    assert Webhook(secret).verify(BODY, reported) == {"words": "Börse → 1 234,5 ₿"}


def test_while_a_secret_is_rotated_both_verify() -> None:
    old, new, now = new_secret(), new_secret(), datetime.now(UTC)

    reported = headers(
        "evt_1", now, BODY, [SigningSecret(new), SigningSecret(old, until=now + timedelta(hours=24))]
    )

    assert [Webhook(secret).verify(BODY, reported) is not None for secret in (old, new)] == [True, True]


def test_after_the_overlap_the_old_secret_verifies_nothing() -> None:
    old, new, now = new_secret(), new_secret(), datetime.now(UTC)

    reported = headers("evt_1", now, BODY, [SigningSecret(new), SigningSecret(old, until=now)])

    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(BODY, reported)


def test_a_body_changed_by_one_byte_is_not_verified() -> None:
    secret = new_secret()

    reported = headers("evt_1", datetime.now(UTC), BODY, [SigningSecret(secret)])

    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY + b" ", reported)


def test_a_retry_is_stamped_anew_and_keeps_its_id() -> None:
    now = datetime.now(UTC)
    first, again = (
        headers("evt_1", at, BODY, [SigningSecret(new_secret())]) for at in (now, now + timedelta(minutes=20))
    )

    assert int(again["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 1_200
    assert first["webhook-id"] == again["webhook-id"]


def test_secrets_that_are_made_have_32_random_bytes() -> None:
    assert (len(key_of(new_secret())), new_secret() == new_secret()) == (32, False)


@pytest.mark.parametrize(
    "text", ["", "whsec_", "whsec_c2hvcnQ=", "c2VjcmV0" * 5, "whsec_" + "A" * 400, "whsec_not base64!" * 3]
)
def test_what_is_no_secret_is_refused(text: str) -> None:
    with pytest.raises(EndpointError):
        key_of(text)
