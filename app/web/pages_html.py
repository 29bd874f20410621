"""The two pages that must work before the dashboard does: the login, and "starting"."""

from html import escape

_STYLE = """
:root{color-scheme:light dark;--ground:#f6f7f9;--card:#fff;--ink:#16202b;--soft:#5b6875;--line:#d9dfe5;
--accent:#0b6bcb;--on:#fff;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--ground:#0d1319;--card:#151d26;--ink:#e8eef4;--soft:#9aa8b5;
--line:#2a3642;--accent:#5eb0ff;--on:#07121d;--bad:#ff8a80}}
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1rem;
background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{width:100%;max-width:22rem;background:var(--card);border:1px solid var(--line);border-radius:12px;
padding:2rem}h1{margin:0 0 .25rem;font-size:1.5rem}p{margin:0 0 1.25rem;color:var(--soft)}
label{display:block;font-weight:600;margin-bottom:.35rem}
input,button{width:100%;font:inherit;padding:.65rem .75rem;border-radius:8px;min-height:44px}
input{border:1px solid var(--line);background:var(--ground);color:inherit}
button{margin-top:1rem;border:0;background:var(--accent);color:var(--on);font-weight:600;cursor:pointer}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
[role=alert]{color:var(--bad);margin:0 0 1rem}
"""
_FRAME = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{title} · Spout</title>{head}<style>{style}</style></head><body><main>{body}</main></body></html>
"""


def login_page(*, onward: str, error: str | None = None) -> str:
    """Render the login; `onward`: the path to open afterwards."""
    alert = f'<p role="alert">{escape(error)}</p>' if error else ""
    return _frame(
        "Log in",
        "<h1>Spout</h1><p>Log in to see your whales.</p>"
        f'{alert}<form method="post" action="/login">'
        f'<input type="hidden" name="next" value="{escape(onward)}">'
        '<label for="password">Password</label>'
        '<input id="password" name="password" type="password" autocomplete="current-password" '
        'required autofocus maxlength="1024"><button>Log in</button></form>',
    )


def starting_page(nonce: str) -> str:
    """Render a page that polls `/healthz` and then reloads; without scripts it reloads periodically."""
    script = (
        "const look=async()=>{try{const told=await (await fetch('/healthz',{cache:'no-store'})).json();"
        "if(told.pages==='ready'){location.reload();return}}catch{}setTimeout(look,500)};setTimeout(look,300)"
    )
    return _frame(
        "Starting",
        '<h1>Spout</h1><p role="status">Starting. This page continues by itself in a few seconds.</p>'
        f'<script nonce="{nonce}">{script}</script>',
        head='<noscript><meta http-equiv="refresh" content="2"></noscript>',
    )


def _frame(title: str, body: str, head: str = "") -> str:
    return _FRAME.format(title=title, head=head, style=_STYLE, body=body)
