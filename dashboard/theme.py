"""The one place for colours, type and spacing: the sea by day and by night.

Every text colour keeps at least 4.5:1 on the surfaces it is used on (WCAG AA), which a test computes.
Colour never says anything alone: flows have an arrow and a word, what waits is dashed and hatched.
"""

from collections.abc import Mapping

LIGHT = {
    "bg": "#f2f6f8",
    "card": "#ffffff",
    "raised": "#f7fafb",
    "ink": "#0e2430",
    "soft": "#516773",
    "line": "#dce5ea",
    "accent": "#0a7397",
    "inflow": "#bf3f29",
    "outflow": "#0a7563",
    "internal": "#5b6b7e",
    "inter_exchange": "#6546bd",
    "unknown": "#4f6980",
    "ok": "#0a7563",
    "miss": "#9a4a06",
    "bad": "#b3261e",
    "fresh": "#e3f3f9",
    "hatch": "#b9dbe7",
    "water": "#e8f3f7",
    "demo": "#5b3fb0",
    "on-demo": "#ffffff",
    "shade": "rgba(14, 36, 48, .38)",
    "lift": "rgba(14, 36, 48, .14)",
}
DARK = {
    "bg": "#06131a",
    "card": "#0c1f29",
    "raised": "#112733",
    "ink": "#e7f1f5",
    "soft": "#93adba",
    "line": "#1b3745",
    "accent": "#4cc3ec",
    "inflow": "#ff8a73",
    "outflow": "#4fd6b8",
    "internal": "#a3b3c2",
    "inter_exchange": "#b8a3ff",
    "unknown": "#a2bacb",
    "ok": "#4fd6b8",
    "miss": "#f5b455",
    "bad": "#ff8f85",
    "fresh": "#103344",
    "hatch": "#1d4a5d",
    "water": "#0e2a37",
    "demo": "#3c2c7d",
    "on-demo": "#efe9ff",
    "shade": "rgba(0, 8, 12, .6)",
    "lift": "rgba(0, 0, 0, .45)",
}
TYPE = {
    "font": 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif',
    "mono": 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
    "size": "14px",
    "size-small": "12px",
    "size-note": "12.5px",
    "size-amount": "15px",
    "size-figure": "21px",
}
SPACE = {
    "gap": "16px",
    "edge": "24px",
    "pad": "16px",
    "round": "14px",
    "row": "56px",
    "row-phone": "112px",
}


def css() -> str:
    """The custom properties for both lights; `data-theme` on the root overrules the system's wish."""
    return "\n".join(
        [
            f":root{{color-scheme:light;{_properties(LIGHT)}{_properties(TYPE)}{_properties(SPACE)}{_bokeh()}}}",
            f"@media(prefers-color-scheme:dark){{:root:not([data-theme=light]){{{_night()}}}}}",
            f":root[data-theme=dark]{{{_night()}}}",
        ]
    )


def _night() -> str:
    return f"color-scheme:dark;{_properties(DARK)}"


def _properties(values: Mapping[str, str]) -> str:
    return "".join(f"--{name.replace('_', '-')}:{value};" for name, value in values.items())


def _bokeh() -> str:
    """Bokeh's canvases read these; they follow the tokens, so they follow the light."""
    names = {
        "--bk-background-fill-color": "var(--card)",
        "--bk-border-fill-color": "var(--card)",
        "--bk-grid-line-color": "var(--line)",
        "--bk-axis-line-color": "var(--line)",
        "--bk-major-tick-line-color": "var(--line)",
        "--bk-major-label-text-color": "var(--soft)",
        "--bk-axis-label-text-color": "var(--soft)",
        "--bk-outline-line-color": "transparent",
    }
    return "".join(f"{name}:{value};" for name, value in names.items())
