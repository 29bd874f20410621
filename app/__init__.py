"""Spout sees the whale before it surfaces. This is the map.

The journey, which the folders tell:
    a source hears the mempool                        app/source
    its words become observations                     app/source/wire.py, frames.py
    the pipeline takes them, one batch at a time      app/pipeline.py
    the tracker draws the conclusions                 app/core/tracker.py: the only code that does
    is it a whale, and where do the coins go          app/core/weighing.py, classify.py
    how urgent, and when will it confirm              app/core/urgency.py, forecast.py
    what was concluded is kept                        app/store
    and only then told                                app/bus.py
    to the pages and the API                          dashboard, app/api
    until its block comes, and its outcome            app/core/blocks.py, endings.py

Shell. `__main__` runs `spout run` with few imports, so that the port is open at once, and hands every
other command to `commands`. `appliance` opens the port, `house` brings up the parts one after the other,
`server` serves on the one port what is ready.

Faces. `api` is the HTTP API and the event stream; `web` the door before it: login, sessions, headers,
origins. `dashboard` is the pages. `notifiers` is where alerts will live. All they see of the rest is
`views`: an immutable Snapshot of now, and a History of the past.

Engine. `engine` is one node watched, from open to close; `replay` the same journey over recordings.
`pipeline` is the journey on one screen; `inbox` where observations wait for it; `present` gathers the
Snapshot; `supervisor` runs the long-lived parts and starts them again.

Sources. `source` speaks with the outside and decides nothing: the mempool backend (`mempool_ws`,
`mempool_rest`), bitcoind (`bitcoind*`), electrs (`electrs`, `electrum_line`), recordings and the demo.
`inquire` carries the tracker's questions to whoever can answer; `choose` says who runs; `examine*` is what
the doctor knows; `recorder` writes down a live backend.

Store. `store` keeps events and predictions in DuckDB, owned by one thread, and keys and labels in SQLite,
which another process may write. Damaged files are set aside, never deleted.

Ground. `bus` the tee, `clock` time as an argument, `settings` the operator's words, `keyring` what is
derived from the secret, `logs`, `metrics`.

Core. `core` is pure: values in, values out. Transactions and scripts, labels, flow, forecasts, the
tracker. No I/O, clock, chance, log or setting. `errors` is one tree below everything.

Imports only point down this list; import-linter keeps it so. docs/architecture.md has the reasons.
"""
