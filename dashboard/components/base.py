"""What all our components are: `JSComponent`s whose module is a file beside them, drawn before any session.

A component is two files: a class here, with its parameters, and `<module>.js`, which exports
`render = component(mount)`; `mount(host, params)` draws into `host` and may `params.get`, `set`, `on`, `say`.
The module is served as a file, so that it can import others and needs neither `blob:` nor `unsafe-eval`.
"""

from typing import Any, ClassVar

import panel as pn
from bokeh.document import Document
from panel.custom import Child, JSComponent
from panel.viewable import Viewable

from dashboard import assets


class FileComponent(JSComponent):
    """A component whose module is `components/<module>`; drawn once its page's session is there.

    For what calls Python: a subclass answers `self._handle_msg(message)` and sends with `self._send_msg`.
    `reserve`: the height in pixels that the page keeps free for it, so that nothing moves when it is drawn; a
    page's own style may know better.
    """

    module: ClassVar[str]
    reserve: int = 0
    __abstract = True

    def __init__(self, **params: Any) -> None:  # noqa: ANN401 - Panel's shape
        params.setdefault("sizing_mode", "stretch_width")
        super().__init__(**params)

    def __init_subclass__(cls, **kwargs: Any) -> None:  # noqa: ANN401 - as above
        super().__init_subclass__(**kwargs)
        if "module" in cls.__dict__:
            cls._bundle = assets.COMPONENTS / cls.module

    def _get_properties(self, doc: Document | None) -> dict[str, Any]:
        """As Panel serves a compiled bundle, by address; here also in a document without a session."""
        properties: dict[str, Any] = super()._get_properties(doc)
        esm = f"./{assets.address(f'components/{self.module}')}"
        return {**properties, "bundle": "url", "esm": esm, "css_bundle": None}


class EarlyComponent(FileComponent):
    """Drawn by the page at once, from its parameters and the page's own feed, before Panel is there.

    Its parameters are written into the page, so they hold nothing secret. `later`: what nobody reads first,
    drawn after the rows; its modules are not asked for before.
    """

    later: ClassVar[bool] = False
    __abstract = True

    def first_values(self) -> dict[str, Any]:
        """Its own parameters as JSON can hold them, without the panes inside it."""
        own = [
            name for name, one in type(self).param.objects().items() if issubclass(one.owner, EarlyComponent)
        ]
        values = {name: getattr(self, name) for name in own}
        return {name: value for name, value in values.items() if not isinstance(value, Viewable)}

    def inner(self) -> "list[Viewable]":
        """The panes inside it."""
        return [one for name in self.param if isinstance(one := getattr(self, name), Viewable)]


class Charted(EarlyComponent):
    """A Bokeh figure in a `pn.pane.Bokeh`, whose values the module takes from the page's feed.

    `figure`: a figure from `dashboard.figures`, named as the module looks for it.
    """

    figure = Child(class_=pn.pane.Bokeh)
    later = True
    __abstract = True

    def __init__(self, figure: Any, **params: Any) -> None:  # noqa: ANN401 - Bokeh's
        super().__init__(figure=pane(figure), **params)


def pane(figure: Any) -> pn.pane.Bokeh:  # noqa: ANN401 - Bokeh's
    return pn.pane.Bokeh(figure, sizing_mode="stretch_width")
