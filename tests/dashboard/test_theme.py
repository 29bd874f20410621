"""WCAG AA: at least 4.5:1 for text, on every surface a colour is used on."""

from collections.abc import Mapping

import pytest

from dashboard import theme

TEXTS = (
    "ink",
    "soft",
    "accent",
    "inflow",
    "outflow",
    "internal",
    "inter_exchange",
    "unknown",
    "ok",
    "miss",
    "bad",
)
SURFACES = ("bg", "card", "raised", "fresh")


def luminance(colour: str) -> float:
    def linear(channel: int) -> float:
        share = channel / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[at : at + 2], 16)) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("light", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("text", TEXTS)
def test_every_text_can_be_read_on_every_surface(light: Mapping[str, str], text: str, surface: str) -> None:
    assert contrast(light[text], light[surface]) >= 4.5


@pytest.mark.parametrize("light", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_the_demo_banner_can_be_read(light: Mapping[str, str]) -> None:
    assert contrast(light["on-demo"], light["demo"]) >= 4.5


def test_both_lights_name_the_same_colours() -> None:
    assert theme.LIGHT.keys() == theme.DARK.keys()
