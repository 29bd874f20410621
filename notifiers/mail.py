"""What Apprise's email plugin finds in place of the module `smtplib`: the same, through our dialler."""

import base64
import smtplib
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from app.errors import SendError, SpoutError
from notifiers.bounded import Bounded
from notifiers.dial import LARGEST_ANSWER, Dial, current_call, tls_words


class DialledSMTP(smtplib.SMTP):
    """`smtplib.SMTP` on a connection of the current attempt; what it answers is noted there."""

    def __init__(self, host: str = "", port: int = 0, local_hostname: str | None = None, **_: Any) -> None:  # noqa: ANN401 - the library's shape
        self.call: Dial = current_call()
        self._is_besides = False
        super().__init__(host, port, local_hostname or "spout.invalid")

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002 - smtplib's hook
        try:
            return self._opened(host, port)
        except SpoutError as error:
            raise OSError(str(error)) from error

    def _opened(self, host: str, port: int) -> socket.socket:
        return self.call.connect(host, port)

    def getreply(self) -> tuple[int, bytes]:
        if getattr(self, "file", None) is None and self.sock is not None:
            self.file = Bounded(
                self.sock.makefile("rb"), LARGEST_ANSWER, "the mail server answers without end"
            )
        try:
            code, words = super().getreply()
        except smtplib.SMTPServerDisconnected:
            if not self._is_besides:
                self.call.fail(SendError("the mail server hung up, or did not answer in time"))
            raise
        if code < 0 and not self._is_besides:
            self.call.fail(SendError("what it answers is no SMTP"))
        self.call.smtp_answer = (code, words.decode("utf-8", "replace"))
        return code, words

    def starttls(self, *_: Any, **__: Any) -> tuple[int, bytes]:  # noqa: ANN401 - our context counts
        try:
            return super().starttls(context=self.call.tls)
        except smtplib.SMTPNotSupportedError:
            self.call.smtp_answer = (
                502,
                "it offers no STARTTLS: choose tls, or none in your own network",
            )
            raise
        except smtplib.SMTPException:
            raise  # its answer is the outcome
        except OSError as error:
            self.call.smtp_answer = (454, tls_words(error, self.call))
            raise

    def login(self, user: str, password: str, *, initial_response_ok: bool = True) -> tuple[int, bytes]:
        try:
            return super().login(user, password, initial_response_ok=initial_response_ok)
        except smtplib.SMTPNotSupportedError:
            self.call.smtp_answer = (503, "it takes no login here: leave username and password out")
            raise

    def auth(
        self,
        mechanism: str,
        authobject: Callable[..., str],
        *,
        initial_response_ok: bool = True,
    ) -> tuple[int, bytes]:
        """As smtplib's, but in UTF-8 (RFC 4616): a password need not be ASCII."""
        first = authobject() if initial_response_ok else None
        more = f" {_base64(first)}" if first is not None else ""
        code, words = self.docmd("AUTH", f"{mechanism}{more}")
        challenges = 0
        while code == 334 and challenges < 5:
            challenges += 1
            code, words = self.docmd(_base64(authobject(base64.b64decode(words))))
        if code not in (235, 503):
            raise smtplib.SMTPAuthenticationError(code, words)
        return code, words

    def rset(self) -> tuple[int, bytes]:
        """Begin anew: the library does so after every refusal, and the refusal is the outcome."""
        with self._besides():
            return super().rset()

    def quit(self) -> tuple[int, bytes]:
        """Say goodbye; what is answered to that is no outcome."""
        with self._besides():
            return super().quit()

    @contextmanager
    def _besides(self) -> Iterator[None]:
        outcome, self._is_besides = self.call.smtp_answer, True
        try:
            yield
        finally:
            self.call.smtp_answer, self._is_besides = outcome, False


class DialledSMTPS(DialledSMTP):
    """TLS from the first byte."""

    default_port = 465

    def _opened(self, host: str, port: int) -> socket.socket:
        return self.call.secure(super()._opened(host, port), host)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Mail:
    """Stands where Apprise's email plugin says `smtplib`."""

    SMTP: Final = DialledSMTP
    SMTP_SSL: Final = DialledSMTPS
    SMTPException: Final = smtplib.SMTPException
