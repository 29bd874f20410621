"""Our own plugin of Apprise: the signed webhook. It gets the bytes that were signed, and sends those."""

import importlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from app.errors import EndpointError
from notifiers.http import Requests
from notifiers.services import apprise

_requests = Requests()
apprise()
_NotifyBase: Any = importlib.import_module("apprise.plugins.base").NotifyBase


class NotifySpout(_NotifyBase):  # type: ignore[misc]  # Apprise brings no types
    """`notify` would strip white space at the end of a body: signed bytes go by `deliver`."""

    service_name = "Signed webhook"
    service_url = "https://www.standardwebhooks.com/"
    setup_url = "docs/webhooks.md"
    protocol = "spout"
    secure_protocol = "spouts"
    request_rate_per_sec = 0
    templates = ("{schema}://{host}",)

    def __init__(self, url: str, **kwargs: Any) -> None:  # noqa: ANN401 - Apprise's shape
        super().__init__(**kwargs)
        if urlsplit(url).scheme not in ("http", "https"):
            raise EndpointError("url must be an address like https://host/path")
        self._url = url

    def url(self, *_: Any, **__: Any) -> str:  # noqa: ANN401 - Apprise's shape
        return f"spout://{self.host}/***"

    def deliver(self, body: bytes, headers: Mapping[str, str]) -> bool:
        reported = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Spout", **headers}
        return self._answered("POST", body, reported)

    def ping(self) -> bool:
        """For push monitors: a plain GET."""
        return self._answered("GET", None, {"User-Agent": "Spout"})

    def send(self, *_: Any, **__: Any) -> bool:  # noqa: ANN401 - Apprise's shape
        raise EndpointError("a webhook is sent with its signature")

    def _answered(self, method: str, body: bytes | None, headers: dict[str, str]) -> bool:
        try:
            answer = _requests.request(method, self._url, data=body, headers=headers)
        except _requests.RequestException:
            return False
        return 200 <= answer.status_code < 300
