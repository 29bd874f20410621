"""From what the API or the command line is given to an endpoint to keep, and back to what is shown."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from app.api.models import (
    WHERE,
    Email,
    Endpoint,
    EndpointChange,
    EndpointKind,
    EndpointPreview,
    EndpointState,
    NewEmail,
    NewEndpoint,
    Security,
    Telegram,
)
from app.errors import EndpointError
from notifiers import signing
from notifiers.directory import Stored
from notifiers.model import EmailTarget, Target, TelegramTarget, masked_url
from notifiers.redaction import MASK
from notifiers.signing import SigningSecret

MOST_SECRETS: Final = 8
"""Each signs every message while it is in force."""
_MASKED: Final = re.compile(r"[/@]" + re.escape(MASK) + r"(?=[/@:]|$)")
_TARGET_FIELDS: Final = frozenset(("name", "kind", "url", "email", "telegram", "secret", "enabled"))


def target_of(new: NewEndpoint, endpoint_id: str) -> Target:
    """Return where it sends to.

    Raises:
        EndpointError: if it has a secret that its kind has none of.
    """
    if new.secret is not None and new.kind is not EndpointKind.WEBHOOK:
        raise EndpointError("only a webhook has a secret")
    secrets: tuple[SigningSecret, ...] = ()
    if new.kind is EndpointKind.WEBHOOK:
        secret = new.secret or signing.new_secret()
        signing.key_of(secret)
        secrets = (SigningSecret(secret),)
    return Target(
        id=endpoint_id,
        name=_name(new.name),
        kind=new.kind,
        reach=new.reach,
        url=_whole("url", new.url),
        email=_email(new.email) if new.email else None,
        telegram=TelegramTarget(
            token=new.telegram.token or "",
            chat_id=new.telegram.chat_id,
            api_url=_whole("telegram.api_url", new.telegram.api_url),
        )
        if new.telegram
        else None,
        signing=secrets,
    )


def settings_of(new: NewEndpoint) -> dict[str, Any]:
    """What is kept in clear."""
    reported = new.model_dump(mode="json", by_alias=True)
    return {name: value for name, value in reported.items() if name not in _TARGET_FIELDS}


def previewed(draft: EndpointPreview) -> dict[str, Any]:
    """Return the settings that an endpoint of this draft would have."""
    return draft.model_dump(mode="json", by_alias=True, exclude={"kind"})


def changed(stored: Stored, change: EndpointChange) -> Stored:
    """Return the endpoint with what the change names; what it does not name stays, secrets too.

    Raises:
        EndpointError: if a part does not belong to its kind, its secrets cannot be read and are not given, or
            one that is kept would go to another server.
    """
    named = change.model_fields_set
    reported = change.model_dump(mode="json", by_alias=True)
    settings = stored.settings | {name: reported[name] for name in named if name not in _TARGET_FIELDS}
    enabled = change.enabled if "enabled" in named else stored.enabled
    if stored.target is None:
        raise EndpointError("its secret cannot be read any more: remove it and make it anew")
    needed = WHERE[stored.kind]
    for name in ("url", "email", "telegram"):
        if name in named and (name != needed or getattr(change, name) is None):
            raise EndpointError(f"an endpoint of kind {stored.kind} needs {needed}, and has nothing else")
    if change.every_minutes is not None and stored.kind is not EndpointKind.HEARTBEAT:
        raise EndpointError(f"an endpoint of kind {stored.kind} has no every_minutes")
    if "every_minutes" in named and change.every_minutes is None:
        settings["every_minutes"] = NewEndpoint.model_fields["every_minutes"].default
    name = _name(change.name) if "name" in named and change.name is not None else stored.name
    target = replace(stored.target, name=name)
    if "reach" in named:
        target = replace(target, reach=change.reach)
    if change.url is not None and change.url != masked_url(target.url or ""):
        target = replace(target, url=_whole("url", change.url))
    if change.email is not None and target.email is not None:
        reported = change.email.model_dump(exclude_unset=True, by_alias=False)
        target = replace(target, email=_merged(target.email, reported))
    if change.telegram is not None and target.telegram is not None:
        reported = change.telegram.model_dump(exclude_unset=True)
        target = replace(target, telegram=_merged_chat(target.telegram, reported))
    because = None if enabled and "enabled" in named else stored.disabled_because
    return replace(
        stored, name=name, settings=settings, enabled=enabled, disabled_because=because, target=target
    )


def rotated(stored: Stored, overlap: timedelta, at: datetime) -> Stored:
    """Return a webhook with a new secret; the one before signs beside it for `overlap`.

    Those of before that sign as long as was promised: only an overlap of nothing ends them all.

    Raises:
        EndpointError: if it is no webhook, its secrets cannot be read, or too many sign already.
    """
    if stored.target is None or stored.kind is not EndpointKind.WEBHOOK:
        raise EndpointError("only a webhook whose secret can be read has one to rotate")
    new, old = SigningSecret(signing.new_secret()), list[SigningSecret]()
    if overlap:
        ends = at + overlap
        old = [
            one if one.until is not None else replace(one, until=ends)
            for one in stored.target.signing
            if one.until is None or at < one.until
        ]
    if len(old) >= MOST_SECRETS:
        raise EndpointError(
            f"{len(old)} secrets sign still: wait until one ends, or end all with overlap_seconds 0"
        )
    return replace(stored, target=replace(stored.target, signing=(new, *old)))


def shown(stored: Stored, state: EndpointState, secret: str | None = None) -> Endpoint:
    """Return the endpoint as it is answered: without secrets, but for `secret`, once."""
    target = stored.target
    email, telegram = (target.email, target.telegram) if target else (None, None)
    return Endpoint.model_validate(
        {
            **stored.settings,
            "id": stored.id,
            "name": stored.name,
            "kind": stored.kind,
            "enabled": stored.enabled,
            "url": masked_url(target.url) if target and target.url else None,
            "email": _shown_email(email) if email else None,
            "telegram": Telegram(
                chat_id=telegram.chat_id, api_url=masked_url(telegram.api_url) if telegram.api_url else None
            )
            if telegram
            else None,
            "every_minutes": stored.settings.get("every_minutes")
            if stored.kind is EndpointKind.HEARTBEAT
            else None,
            "state": state,
            "secret": secret,
        }
    )


def _shown_email(email: EmailTarget) -> Email:
    reported = {name: getattr(email, name) for name in ("host", "port", "security", "username", "to")}
    return Email.model_validate({**reported, "from": email.sender})


def _email(new: NewEmail) -> EmailTarget:
    return EmailTarget(
        host=new.host,
        port=new.port,
        security=new.security,
        sender=new.from_,
        to=new.to,
        username=new.username,
        password=new.password,
    )


def _merged(email: EmailTarget, reported: dict[str, Any]) -> EmailTarget:
    """`username` may be taken away by null, and the password goes with it."""
    names = {"from_": "sender"}
    parts = {names.get(name, name): value for name, value in reported.items() if value is not None}
    if "username" in reported and reported["username"] is None:
        parts |= {"username": None, "password": None}
    after = replace(email, **parts)
    if after.password and "password" not in parts:
        _refuse_another_server(email, after)
    return after


def _merged_chat(chat: TelegramTarget, reported: dict[str, Any]) -> TelegramTarget:
    """Return it with what is given; `api_url` may be null: Telegram's own."""
    parts = {name: value for name, value in reported.items() if value is not None or name == "api_url"}
    if chat.api_url and parts.get("api_url") == masked_url(chat.api_url):
        del parts["api_url"]
    _whole("telegram.api_url", parts.get("api_url"))
    after = replace(chat, **parts)
    if "token" not in parts and after.api_url not in (None, chat.api_url):
        raise EndpointError("telegram.token must be given again: another server would get the kept one")
    return after


def _refuse_another_server(before: EmailTarget, after: EmailTarget) -> None:
    """A password that is kept goes to the server that it was given for, and not in clear where it did not."""
    elsewhere = after.host.lower() != before.host.lower()
    in_clear = after.security is Security.NONE and before.security is not Security.NONE
    if elsewhere or in_clear:
        who = "another server" if elsewhere else "everybody on the line"
        raise EndpointError(f"email.password must be given again: {who} would get the kept one")


def _whole(name: str, url: str | None) -> str | None:
    """Return a URL that is not one as it is shown: what is masked in that would be lost."""
    if url is not None and _MASKED.search(url):
        raise EndpointError(
            f"{name} has {MASK} where a part is not shown: leave it out to keep it, or write all of it"
        )
    return url


def _name(name: str) -> str:
    trimmed = name.strip()
    if not trimmed or not trimmed.isprintable():
        raise EndpointError("name must have only characters that can be shown, in one line")
    return trimmed
