"""What users of neighbouring tools reported about a box's own authority, played as it lies there."""

from urllib.parse import urlsplit

import pytest

from app.errors import UnreachableError
from tests.hostile.reported import BESIDE, an_input
from tests.hostile.test_own_authority import Box, ask_rest, ask_stream, box
from tests.hostile.test_own_authority import pytestmark as needs_openssl

pytestmark = [*BESIDE, needs_openssl]
__all__ = ["box"]  # a fixture


def the_settings() -> dict[str, str]:
    env: dict[str, str] = an_input("g6_own_ca")["env"]
    return env


async def test_g6_stream_and_rest_both_trust_what_ssl_cert_file_names(
    box: Box,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    env = the_settings()
    assert urlsplit(env.pop("SPOUT_MEMPOOL_URL")).scheme == "https"
    for name in env:
        monkeypatch.setenv(name, str(box.ca))

    assert (await ask_rest(box, None), await ask_stream(box, None)) == (b"ok", "ok")


async def test_g6_without_it_both_refuse_in_words_that_name_the_setting(
    box: Box,
) -> None:
    for ask in (ask_rest, ask_stream):
        with pytest.raises(UnreachableError, match="SPOUT_CA_FILE"):
            await ask(box, None)
