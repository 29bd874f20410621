"""What Apprise's plugins find in place of the module `requests`: the same calls, through our dialler.

No redirect is followed, no proxy or .netrc of the environment is read, certificates are always checked,
answers are read to 64 kB as they come (identity encoding), and all ends with the attempt's time.
"""

import http
import http.client
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from app.errors import SendError, SpoutError
from notifiers.bounded import Bounded
from notifiers.dial import LARGEST_ANSWER, Answered, Dial, current_call

_OURS: Final = ("allow_redirects", "cert", "proxies", "stream", "timeout", "verify", "hooks")
_NAMES: Final = frozenset(
    (
        "ConnectTimeout",
        "ConnectionError",
        "HTTPError",
        "JSONDecodeError",
        "ReadTimeout",
        "RequestException",
        "Response",
        "Timeout",
        "TooManyRedirects",
        "URLRequired",
        "auth",
        "codes",
        "exceptions",
        "utils",
    )
)
_ENDLESS: Final = "it answers without end"
_LONGEST_BODY: Final = 8 * LARGEST_ANSWER
"""With the sizes of its chunks, which may be more than what is in them."""


class DialledAdapter(BaseAdapter):
    """Sends one request on one connection of the current attempt."""

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002, FBT001, FBT002 - requests' own shape
        timeout: Any = None,  # noqa: ANN401, ARG002 - the library's shape
        verify: Any = True,  # noqa: ANN401, ARG002, FBT002 - the library's shape
        cert: Any = None,  # noqa: ANN401, ARG002 - the library's shape
        proxies: Any = None,  # noqa: ANN401, ARG002 - the library's shape
    ) -> requests.Response:
        try:
            call = current_call()
        except SpoutError as error:
            raise requests.exceptions.ConnectionError(str(error)) from error
        if call.left_alone:  # some plugins would ask once more at once, or sleep first
            raise requests.exceptions.ConnectionError("it wants to be left alone")
        try:
            return _exchange(request, call)
        except SpoutError as error:
            raise requests.exceptions.ConnectionError(str(error)) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise requests.exceptions.ConnectionError(str(call.fail(_broken(error, call)))) from error

    def close(self) -> None:
        """Nothing is kept open."""


class Requests:
    """Stands where a plugin says `requests`."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever requests has there
        if name not in _NAMES:
            raise AttributeError(f"requests.{name} is not open to plugins")
        return getattr(requests, name)

    def request(self, method: str, url: str, **options: Any) -> requests.Response:  # noqa: ANN401 - the library's shape
        with requests.Session() as session:
            session.trust_env = False
            session.adapters.clear()
            session.mount("http://", DialledAdapter())
            session.mount("https://", DialledAdapter())
            session.headers.clear()
            session.headers["Accept"] = "*/*"
            kept = {name: value for name, value in options.items() if name not in _OURS}
            return session.request(method, url, allow_redirects=False, **kept)

    def get(self, url: str, **options: Any) -> requests.Response:  # noqa: ANN401 - the library's shape
        return self.request("GET", url, **options)

    def head(self, url: str, **options: Any) -> requests.Response:  # noqa: ANN401 - the library's shape
        return self.request("HEAD", url, **options)

    def post(self, url: str, **options: Any) -> requests.Response:  # noqa: ANN401 - the library's shape
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Any) -> requests.Response:  # noqa: ANN401 - the library's shape
        return self.request("PUT", url, **options)

    def patch(self, url: str, **options: Any) -> requests.Response:  # noqa: ANN401 - the library's shape
        return self.request("PATCH", url, **options)

    def delete(self, url: str, **options: Any) -> requests.Response:  # noqa: ANN401 - the library's shape
        return self.request("DELETE", url, **options)


def _exchange(request: requests.PreparedRequest, call: Dial) -> requests.Response:
    parts = urlsplit(request.url or "")
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    connected = call.connect(host, port)
    connection = http.client.HTTPConnection(host, port)
    connection.response_class = _Answer
    try:
        connection.sock = call.secure(connected, host) if secure else connected
        headers = {name: _text(value) for name, value in request.headers.items()}
        headers |= {"Host": _host_header(host, port, secure=secure), "Connection": "close"}
        headers["Accept-Encoding"] = "identity"
        body: Any = request.body  # bytes, text or a file: http.client takes them all
        connection.request(request.method or "GET", request.path_url, body, headers)
        answer = connection.getresponse()
        said = _body_of(answer)
    finally:
        connection.close()
        connected.close()
    call.answered(
        Answered(
            status=answer.status,
            retry_after=answer.getheader("Retry-After"),
            date=answer.getheader("Date"),
            body=said,
        )
    )
    if call.aborted:
        call.remaining()
    return _response(request, answer, said)


def _body_of(answer: http.client.HTTPResponse) -> bytes:
    """Return what came of a body: one that breaks off takes nothing back of what the head said.

    Raises:
        TimeoutError: if no more came in time.
    """
    try:
        return answer.read(LARGEST_ANSWER)
    except TimeoutError:
        raise
    except http.client.IncompleteRead as error:
        return error.partial
    except (OSError, http.client.HTTPException, ValueError):
        return b""


class _Answer(http.client.HTTPResponse):
    """An answer whose head is bounded too, with all that comes before it (1xx) and within it (chunks)."""

    def begin(self) -> None:
        own: Any = self  # the base's types know neither a head that is not read yet nor another reader
        if own.headers is not None:
            return
        whole = own.fp
        own.fp = Bounded(whole, LARGEST_ANSWER, _ENDLESS)
        super().begin()
        while 100 < own.status < 200 and own.status != http.HTTPStatus.SWITCHING_PROTOCOLS:
            own.headers = own.msg = None  # as before the first one
            super().begin()
        if own.fp is not None:
            own.fp = Bounded(whole, _LONGEST_BODY, _ENDLESS)


def _response(
    request: requests.PreparedRequest, answer: http.client.HTTPResponse, body: bytes
) -> requests.Response:
    response = requests.Response()
    response.status_code = answer.status
    response.reason = answer.reason
    response.headers = CaseInsensitiveDict(answer.getheaders())
    response.url = request.url or ""
    response.request = request
    response.encoding = requests.utils.get_encoding_from_headers(response.headers)
    response._content = body  # noqa: SLF001 - there is no public way to make a Response
    return response


def _host_header(host: str, port: int, *, secure: bool) -> str:
    shown = f"[{host}]" if ":" in host else host
    return shown if port == (443 if secure else 80) else f"{shown}:{port}"


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _broken(error: Exception, call: Dial) -> SendError:
    if call.aborted or isinstance(error, TimeoutError):
        return SendError("no whole answer in time")
    if isinstance(error, ConnectionResetError | BrokenPipeError | http.client.RemoteDisconnected):
        return SendError("the connection was closed before an answer came")
    if isinstance(error, http.client.HTTPException):
        return SendError(f"what it answers is no HTTP ({type(error).__name__})")
    return SendError(str(error.args[-1] if error.args else error)[:200])
