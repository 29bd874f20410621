-- Migration 4. A version is what changed. What seldom changes (the transaction, where its coins go) is kept
-- once and named by number; what is believed now lies apart from what was believed before, which is kept for
-- the whole retention. The rows of migrations 1 to 3 are moved over by `app.store.moving`, a few whales at a
-- time: a file of any size opens.

ALTER TABLE prediction_versions RENAME TO prediction_versions_3;
ALTER TABLE forecasts RENAME TO forecasts_3;

-- One row a whale: what is believed now. `whale` is our own number of it, given once. `number` counts its
-- versions from 1. `tx_part` and `seldom_part` are in `parts`; of its forecasts the first `forecasts` belong to
-- this version, `first_forecast` is the number of the one that is scored. `record` is the rest, packed.
CREATE TABLE predictions (
    whale BIGINT NOT NULL,
    prediction_id VARCHAR NOT NULL,
    number INTEGER NOT NULL,
    version INTEGER NOT NULL,
    txid VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    flow VARCHAR NOT NULL,
    gross_sat BIGINT NOT NULL,
    moved_sat BIGINT NOT NULL,
    urgency VARCHAR,
    -- casefolded names and groups of senders and receivers
    entities VARCHAR[] NOT NULL,
    detected_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ,
    confirmed_height INTEGER,
    tx_part BIGINT NOT NULL,
    seldom_part BIGINT NOT NULL,
    forecasts INTEGER NOT NULL,
    first_forecast INTEGER,
    record BLOB NOT NULL
);

-- The versions before, as they were: believed from `updated_at` to that of the next number of the same whale.
CREATE TABLE superseded AS FROM predictions LIMIT 0;

-- Packed bodies, each cut into pieces: see packing.py for why.
CREATE TABLE parts (
    id BIGINT NOT NULL,
    piece INTEGER NOT NULL,
    body BLOB NOT NULL
);

-- Every revision of every forecast, once, numbered by whale from 1. `opening`: the first one of its txid.
CREATE TABLE forecasts (
    whale BIGINT NOT NULL,
    number INTEGER NOT NULL,
    opening BOOLEAN NOT NULL,
    made_at TIMESTAMPTZ NOT NULL,
    record BLOB NOT NULL
);

-- Every txid that a whale had before, numbered by whale from 0.
CREATE TABLE lineage (
    whale BIGINT NOT NULL,
    position INTEGER NOT NULL,
    txid VARCHAR NOT NULL
);

-- A whale's event is told from the version it was told of; `body` and `id` only where they cannot be.
ALTER TABLE events ADD COLUMN whale BIGINT;
ALTER TABLE events ADD COLUMN revision INTEGER;
ALTER TABLE events ALTER COLUMN body DROP NOT NULL;
ALTER TABLE events ALTER COLUMN id DROP NOT NULL;
