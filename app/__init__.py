"""Spout: sees the whale before it surfaces. This page is the map; each line below is a file or a folder.

The journey, which `app.pipeline` tells on one screen:

    source      what a node says, by WebSocket, REST, RPC, ZMQ or Electrum, live or recorded
    -> parse    bytes into `core.observations`; what cannot be read is told as Skipped, never guessed
    -> track    `core.tracker`: the one mutator; observations in, happenings and questions out
    -> detect   is it big enough, and does so much really leave? (`core.tracking.weighing`)
    -> classify who pays whom, how much, how sure, and why (`core.classify`)
    -> forecast when it will confirm, as a distribution (`core.forecasting`)
    -> store    numbered and kept, all or nothing; what is not kept is not told
    -> publish  `bus`: the tee; a slow reader loses its oldest and is told how many
    -> ask      the tracker's questions go to whoever can answer, and come back as observations
    -> show     a Snapshot of now and a History of the past (`views`), for the API and the pages

The floors; imports only point down, and import-linter keeps it so (pyproject.toml):

    __main__                the commands' door: `run` alone keeps its imports few
    appliance, commands     the process from start to end; everything else that `spout` can do
    house                   the composition root: settings -> parts -> run -> close in reverse
    server                  one port: it opens first, and what it serves moves in as it gets ready
    api, dashboard,         the faces: strangers to each other
        notifiers
    engine, replay          one node watched (or demo played); the same journey over recordings
    judging                 the threshold and the labels in force: what decides on a whale here
    pipeline, present,      the journey; what is now, gathered into the Snapshot; where tellers wait
        inbox, supervisor       their turn; what keeps the long-lived parts running
    source, store, web      adapters: to nodes, to disk, to browsers (who asks, from where, what headers)
    views                   what the faces may see, and the words the store answers in
    bus, clock, keyring,    the ground: each knows nothing but its own trade
        logs, metrics
    settings, setting_types read once, frozen; nothing else reads the environment
    core                    values in, values out: no I/O, clock, chance, log or setting
    errors                  every error we raise on purpose; caught once, at the rim

`data` holds what is shipped: the table of labelled addresses, and the demo's recording.

`core` has a front door for each of its crafts, and a folder behind it:

    tracker     tracking     what happens to a whale: arrivals, weighing, replacing, unseen, whereabouts,
                             blocks, endings, one file a step; shared: beliefs, lifecycle, whales, chain
    classify    flow         where the coins go: sides, moved, change, direction, shape, peel, evidence;
                             who is who: entities, labels
    forecast,   forecasting  when it will confirm: forecaster asks the market, inflow and pace; the chances
    urgency                  come from firstpassage, eviction, recalibration; what was right, from outcomes
    parse       encoding     how a node writes it: raw transactions, scripts, addresses

What the crafts and everybody else speak of lies beside the doors: units, models, observations, questions,
events, prediction, classification, contract.
"""
