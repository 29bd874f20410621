"""Our look on Panel's own widgets: one stylesheet in each, for shadow roots do not inherit the page's."""

from typing import ClassVar

import panel as pn
from panel.theme.base import DarkTheme, DefaultTheme, Design, Inherit

from dashboard import assets


class SpoutLight(DefaultTheme):
    base_css = None


class SpoutDark(DarkTheme):
    base_css = None
    bokeh_theme = None


class SpoutDesign(Design):
    """The light follows the page's custom properties, so both themes are empty."""

    modifiers: ClassVar = {pn.viewable.Viewable: {"stylesheets": [Inherit, assets.text("widgets.css")]}}
    _themes: ClassVar = {"default": SpoutLight, "dark": SpoutDark}
