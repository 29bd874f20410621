-- Migration 1. Tables are only appended to (and pruned): no secondary indexes, no foreign keys, because
-- upserts beside secondary indexes have made DuckDB files unusable. Times are UTC, amounts satoshi.

CREATE TABLE meta (
    key VARCHAR NOT NULL,
    value VARCHAR NOT NULL
);

-- What was told, in the order of telling. `body` is the contract's `data`, as JSON.
CREATE TABLE events (
    sequence BIGINT NOT NULL,
    id VARCHAR NOT NULL,
    type VARCHAR NOT NULL,
    told_at TIMESTAMPTZ NOT NULL,
    prediction_id VARCHAR,
    body VARCHAR NOT NULL
);

-- Every version of every whale; the highest version is what is believed. `record` is the whole
-- prediction as JSON; the columns beside it are what can be asked for.
CREATE TABLE prediction_versions (
    prediction_id VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    txid VARCHAR NOT NULL,
    replaces VARCHAR[] NOT NULL,
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
    record VARCHAR NOT NULL
);

-- Headers of the chain in the order in which they were told; the last one is the tip.
CREATE TABLE blocks (
    ordinal BIGINT NOT NULL,
    hash VARCHAR NOT NULL,
    height INTEGER NOT NULL,
    previous VARCHAR,
    time TIMESTAMPTZ
);

-- How much Spout saw, from when on, and why.
CREATE TABLE source_transitions (
    since TIMESTAMPTZ NOT NULL,
    rung VARCHAR NOT NULL,
    reason VARCHAR
);
