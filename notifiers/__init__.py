"""Where alerts go: each endpoint is a plugin of Apprise with one target, reached through our own dialler.

signing     Standard Webhooks 1.0.0
targets     where an alert may call; decided by name and by the address really dialled
dialler     the one way out: resolve, check, connect, SOCKS proxy, certificates
dial        one attempt of it: what was dialled and answered, and its deadline
walls       an audit hook: past the dialler a sending thread reaches nobody
http, mail  what Apprise's plugins find in place of `requests` and `smtplib`
services    which of them are offered (services.csv), with which parameters
senders     one attempt: target and message in, outcome out; webhook and telegram are plugins of our own
sealing,    secrets at rest, and kept out of words
redaction
directory   the endpoints, in the operator's file
policies    from an endpoint to its policy, wording and whose names it hides (app.core.alerts decides)
routes      the endpoints with their policies, and what of an event may leave Spout
routing     what of an event goes to whom, in the event's transaction; remembers budgets, quiet hours, threads
held        deliveries that were held back: let go, dropped, or summed up
outbox,     deliveries, in DuckDB; written as rows in the transaction of their event
rows
waiting,    what an endpoint's queue holds; attempts and what follows of them; every host ever called
attempts,
called_hosts
dispatcher  a lane an endpoint, in order, at its pace; lanes keeps one for each
postroom    four threads for all of them
timekeeper  what is due by time alone: digests, summaries, a source that stayed away
watcher     the next block's fee, net flow, reports
previewing, what rules would have sent; why an alert came or did not
why
progress    how endpoints and deliveries fared so far, from the attempts that are kept
roster      the endpoints as they were last read; routes, lanes and watches follow
desk        what the API and the command line ask; intake and states are its shapes
trying,     what it asks of others: a test; what was sent and why, and sent again
delivery_history
service     what rides and runs beside the engine
assembly    settings -> parts
mqtt        a broker and Home Assistant, beside the alerts
"""

from typing import TYPE_CHECKING

from app.front_door import lazily

if TYPE_CHECKING:
    from notifiers.assembly import make_alerts as make_alerts
    from notifiers.mqtt import Broker as Broker
    from notifiers.mqtt import Mqtt as Mqtt
    from notifiers.outbox import drop_open as drop_open
    from notifiers.service import Alerts as Alerts

__getattr__ = lazily(
    __name__,
    {
        "notifiers.assembly": ("make_alerts",),
        "notifiers.mqtt": ("Broker", "Mqtt"),
        "notifiers.outbox": ("drop_open",),
        "notifiers.service": ("Alerts",),
    },
)
