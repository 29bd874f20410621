"""Takes an endpoint's own secrets out of what is kept or logged about it, however they are written there."""

import base64
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

LONGEST_ANSWER: Final = 512
MASK: Final = "***"
_SHORTEST: Final = 4
"""A shorter secret would mask half of all words; what is so short guards nothing."""
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]+")


class EndpointRedactor:
    """For one endpoint; without secrets it changes nothing but controls."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in _forms(secret) if len(form) >= _SHORTEST}
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE) if forms else None

    def text(self, words: str) -> str:
        return self._pattern.sub(MASK, words) if self._pattern else words

    def kept(self, words: str, longest: int = LONGEST_ANSWER) -> str:
        """On one line, without controls, at most `longest` characters: fit to be stored and shown."""
        return _CONTROLS.sub(" ", self.text(words)).strip()[:longest]

    def answer(self, body: bytes) -> str | None:
        """The beginning of an answer; None for an empty one."""
        # A secret that the cut goes through would not be recognised: mask first.
        return self.kept(body[: 8 * LONGEST_ANSWER].decode("utf-8", "replace")) or None


def _forms(secret: str) -> Iterable[str]:
    raw = secret.encode()
    yield secret
    yield quote(secret, safe="")
    yield quote(secret)
    yield quote_plus(secret)
    yield "".join(f"%{byte:02X}" for byte in raw)
    yield secret.encode("unicode_escape").decode()
    for shift in range(3):
        # Base64 of it anywhere inside something longer: what does not depend on its neighbours.
        for code in (base64.b64encode, base64.urlsafe_b64encode):
            whole = code(b"\0" * shift + raw).decode().rstrip("=")
            start = (0, 2, 3)[shift]
            yield whole[start : len(whole) - (1 if (len(raw) + shift) % 3 else 0)]
    yield raw.hex()
