"""What a person types and presses: one field, a row of buttons, what is said in passing."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import panel as pn
import param

from dashboard.components.base import FileComponent

KINDS = ["text", "secret", "number", "flag", "one", "many", "day", "moment"]


class Field(FileComponent):
    """One field of a form: label, input, hint and what is wrong, tied together for screen readers too.

    `field`: its name, unique on the page; what was typed and not saved is kept in the tab under it, but no
    secret. `kind`: text, secret, number, flag, one (of `options`), many, day (2026-11-27) or moment (in ISO
    8601, typed in the browser's zone). `value`: str, bool or list by kind. `error`: what is wrong, "" if
    nothing. `saved`: count it up once what was typed is safe. `titles`: of the options, in their order.
    `in_address`: a filter, whose value stands in the address under `field` and comes from there.
    """

    field = param.String()
    label = param.String()
    hint = param.String(default="")
    kind = param.Selector(default="text", objects=KINDS)
    options = param.List(default=[])
    titles = param.List(default=[])
    in_address = param.Boolean(default=False)
    value = param.Parameter(default="")
    error = param.String(default="")
    saved = param.Integer(default=0)

    module = "field.js"


class Buttons(FileComponent):
    """A row of buttons: `Buttons({"Save": save, "Send a test": test})`; the first is the one that counts.

    Each call is awaited; its button is `busy` until it returns, and cannot be pressed twice.
    """

    names = param.List(default=[])
    busy = param.String(default="")

    module = "buttons.js"

    def __init__(
        self,
        calls: Mapping[str, Callable[[], Awaitable[None]]],
        **params: Any,  # noqa: ANN401 - Panel's shape
    ) -> None:
        super().__init__(names=list(calls), **params)
        self._calls = dict(calls)

    def _handle_msg(self, data: dict[str, Any]) -> None:
        if (pressed := data.get("pressed")) in self._calls and not self.busy:
            # Not a lambda that returns the coroutine: Panel would never await it.
            pn.state.execute(partial(self._press, pressed))

    async def _press(self, name: str) -> None:
        self.busy = name
        try:
            await self._calls[name]()
        finally:
            self.busy = ""


class Toasts(FileComponent):
    """What is said in passing: `pn.state.notifications.success("Saved")` on every page with a session.

    Panel's own area is ReactiveHTML, which needs unsafe-eval. Durations in ms, 0 until it is dismissed.
    """

    module = "toasts.js"

    def send(
        self,
        message: str,
        duration: int = 3000,
        type: str | None = None,  # noqa: A002 - as Panel's
        background: str | None = None,  # noqa: ARG002 - as Panel's; the theme has the colours
        icon: str | None = None,  # noqa: ARG002 - as above
    ) -> None:
        self._send_msg({"message": message, "duration": duration, "type": type or "info"})

    def success(self, message: str, duration: int = 3000) -> None:
        self.send(message, duration, "success")

    def info(self, message: str, duration: int = 3000) -> None:
        self.send(message, duration, "info")

    def warning(self, message: str, duration: int = 3000) -> None:
        self.send(message, duration, "warning")

    def error(self, message: str, duration: int = 0) -> None:
        self.send(message, duration, "error")

    def clear(self) -> None:
        self._send_msg({"clear": True})
