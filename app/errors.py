"""Every error Spout raises on purpose. Raised `from` its cause; caught once, at the rim."""


class SpoutError(Exception):
    """Root of the tree. The message is one line for the operator: what, and how to mend it."""


class SettingsError(SpoutError):
    """A setting is unknown, retired, contradictory or out of range."""


class ParseError(SpoutError):
    """Bytes from outside are not what they should be; nothing of them is believed."""


class SourceError(SpoutError):
    """A source could not be asked or did not answer. Says nothing about the transaction asked for."""


class StoreError(SpoutError):
    """The database refused; nothing of that piece of work is kept."""


class StoreNewerError(StoreError):
    """The database was written by a newer Spout and is left untouched."""


class RecordingError(SpoutError):
    """A recording cannot be read."""


class AuthError(SpoutError):
    """A key, token, password or session is not good, or not good enough."""


class LabelError(SpoutError):
    """A label is refused: bad address, bad checksum, bad row. Names the line."""


class UnreachableError(SourceError):
    """No connection, a broken one, or no answer in time: worth another try."""


class CircuitOpenError(UnreachableError):
    """It failed so often that it is left alone for a moment; nothing was sent."""


class IndexingError(SourceError):
    """An Electrum server that is there and still builds its index."""


class TooSlowError(UnreachableError):
    """Connected, and no answer in time: not asked again at once, that would only add to its load."""


class LoginRefusedError(SourceError):
    """The node refuses our user, password or cookie; trying again does not help."""


class StaleBlockError(SourceError):
    """The block asked for is known, and not on the best chain any more."""


class NodeLoadingError(SourceError):
    """The node is there and still starting (RPC error -28): not a failure, only too early."""


class NodeRefusedError(SourceError):
    """The node answered with an error of its own; `code` is the RPC error code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class CommandError(SpoutError):
    """What was asked for on the command line cannot be done as asked."""
