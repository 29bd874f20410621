"""Every error that Spout raises deliberately: raised `from` its cause, handled once, at the outer layer."""

from collections.abc import Sequence
from dataclasses import dataclass


class SpoutError(Exception):
    """Root of the hierarchy. The message is one line for the operator: the fault and its remedy."""


class SettingsError(SpoutError):
    """A setting is unknown, retired, contradictory or out of range."""


class ParseError(SpoutError):
    """Input from outside is invalid; none of it is used."""


class SourceError(SpoutError):
    """A source could not be reached or did not reply. Implies nothing about the transaction in question."""


class StoreError(SpoutError):
    """The database operation failed and was rolled back."""


class QueryTooLongError(StoreError):
    """A read took longer than its limit and was ended; nothing else is wrong."""


class StoreNewerError(StoreError):
    """The database was written by a newer Spout and is left untouched."""


class InvalidTransitionError(SpoutError):
    """A prediction's status transition is not allowed; the prediction is unchanged."""


class RecordingError(SpoutError):
    """A recording cannot be read."""


class AuthError(SpoutError):
    """A key, token, password or session is invalid, or lacks permission."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one value: `name` as it was sent ("rules.types[0]"), `words` that come after it."""

    name: str
    words: str


class LabelError(SpoutError):
    """A label is refused: invalid address, checksum or row. Names the line; `faults`: each by its field."""

    def __init__(self, message: str, *faults: Fault) -> None:
        super().__init__(message)
        self.faults = faults


class UnreachableError(SourceError):
    """No connection, a broken one, or no reply in time: worth a retry."""


class CircuitOpenError(UnreachableError):
    """The circuit breaker is open after repeated failures; nothing was sent."""


class IndexingError(SourceError):
    """An Electrum server that is reachable and still builds its index."""


class TooSlowError(UnreachableError):
    """Connected, but no reply in time: not retried at once, which would only add to the load."""


class LoginRefusedError(SourceError):
    """The node refuses our user, password or cookie; a retry does not help."""


class ForbiddenError(LoginRefusedError):
    """The node refuses this call, or all of ours: rpcwhitelist and rpcallowip give the same reply."""


class NodeBusyError(SourceError):
    """The node is reachable, but its work queue is full."""


class StaleBlockError(SourceError):
    """The requested block is known, but no longer in the best chain."""


class NodeLoadingError(SourceError):
    """The node is reachable and still starting (RPC error -28): not a failure."""


class NodeRefusedError(SourceError):
    """The node replied with an error; `code` is the RPC error code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class RequestError(SpoutError):
    """A request is invalid; `code` is the API's. `faults`: all that is wrong; the message says some."""

    def __init__(self, code: str, message: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.faults = tuple(faults)


class CommandError(SpoutError):
    """A command's arguments are invalid, or it cannot be carried out."""


class EndpointError(SpoutError):
    """An endpoint is refused as configured; the message has the fault and its remedy."""


class TargetRefusedError(SpoutError):
    """Alerts must not be sent to this host or address; nothing was sent."""


class SendError(SpoutError):
    """A connection for an alert failed, broke off, or took too long."""
