"""The authorities trusted over TLS: the system's, and the operator's own one if a file names it.

One context for REST, WebSocket, RPC and Electrum, so that they agree.
"""

import ssl
from pathlib import Path

from app.errors import SettingsError
from app.tls import verifying

HINT = (
    "its certificate is not signed by an authority we know: put that authority's certificate into a file and "
    "name it in SPOUT_CA_FILE"
)


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that verifies certificates and host names.

    Raises:
        SettingsError: if `ca_file` cannot be read, or holds no certificate.
    """
    context = verifying()
    if ca_file is None:
        return context
    if ca_file.exists() and not ca_file.is_file():
        raise SettingsError(f"SPOUT_CA_FILE: {ca_file} is no plain file")  # a pipe would be waited for
    try:
        context.load_verify_locations(cafile=ca_file)
    except ssl.SSLError as error:
        raise SettingsError(
            f"SPOUT_CA_FILE: {ca_file} holds no certificate; it should be in PEM (-----BEGIN …)"
        ) from error
    except OSError as error:
        reason = (error.strerror or "it is not there").lower()
        raise SettingsError(
            f"SPOUT_CA_FILE: {ca_file} cannot be read: {reason}; name the box's own authority, or unset it"
        ) from error
    return context


def in_words(error: Exception) -> str | None:
    """Return the meaning and remedy of a certificate error as text; None for another error."""
    for one in _causes(error):
        if isinstance(one, ssl.SSLCertVerificationError):
            if one.verify_code in _NAME_FAULTS:
                return f"its certificate is for another name ({one.verify_message})"
            if one.verify_code in _TIME_FAULTS:
                return f"its certificate is out of date, or this machine's clock is ({one.verify_message})"
            return f"{HINT} ({one.verify_message})"
    return None


_TIME_FAULTS = (9, 10)  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
_NAME_FAULTS = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
