"""The context in which Spout verifies certificates, the same on every Python."""

import ssl
from pathlib import Path


def verifying(cafile: str | Path | None = None) -> ssl.SSLContext:
    """Return a context that checks signatures, dates and the host's name.

    It trusts the authorities in `cafile` alone, without one those of the system (and of SSL_CERT_FILE).
    From Python 3.13 on the default also refuses certificates that lack what RFC 5280 asks for and nobody
    needs to verify them, such as the authority's key identifier: those of home servers often do, so that
    the box's own authority would not be believed in the image and would elsewhere.

    Raises:
        OSError: if `cafile` cannot be read.
        ssl.SSLError: if it holds no certificate.
    """
    context = ssl.create_default_context(cafile=cafile)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
