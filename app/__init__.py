"""Spout: sees the whale before it surfaces. This page is the map; each line below is a file or a folder.

The journey, which `app.pipeline` tells on one screen:

    source      what a node says, by WebSocket, REST, RPC, ZMQ or Electrum, live or recorded
    -> parse    bytes into `core.observations`; what cannot be read is told as Skipped, never guessed
    -> track    `core.tracker`: the one mutator; observations in, happenings and questions out
    -> detect   is it big enough, and does so much really leave? (`core.weighing`)
    -> classify who pays whom, how much, how sure, and why (`core.classify`)
    -> forecast when it will confirm, as a distribution (`core.forecaster`)
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

`core` is one folder with three crafts in it:

    what happens to a whale   tracker, and its steps: arrivals, weighing, replacing, whereabouts, blocks,
                              endings; what they share: beliefs, lifecycle, whales, candidates, chain,
                              recent; what they speak of: observations, questions, events, prediction
    where the coins go        classify: sides, moved, change, flow, shape, peel, evidence; who is who:
                              entities, labels; how it is written: scripts, addresses, base58, bech32, rawtx
    when it will confirm      forecaster: market, inflow, pace, queue, feerates; the chances: forecast,
                              firstpassage, passagetable, eviction, recalibration; the figures: urgency,
                              marketfigures
"""
