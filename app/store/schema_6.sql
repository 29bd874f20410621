-- Migration 6. The accounts: one row for each opening forecast that is scored and one for each whale that ended,
-- written anew whenever its outcome changes. `day` counts days from 1970 (UTC) to `counted_at`, its moment: it is
-- of that day; `detected_at` finds the rows of a whale without reading all. Chances are in ten-thousandths.
CREATE TABLE forecast_outcomes (
    prediction_id VARCHAR NOT NULL,
    detected_at TIMESTAMPTZ NOT NULL,
    counted_at TIMESTAMPTZ NOT NULL,
    day INTEGER NOT NULL,
    -- the day after which nothing of it changes; null while it waits, though it may be late already
    final_day INTEGER,
    result VARCHAR NOT NULL,
    fate VARCHAR NOT NULL,
    blocks INTEGER,
    made_at TIMESTAMPTZ NOT NULL,
    at_height INTEGER NOT NULL,
    due_height INTEGER NOT NULL,
    p1 USMALLINT NOT NULL,
    p2 USMALLINT NOT NULL,
    p3 USMALLINT NOT NULL,
    p6 USMALLINT NOT NULL,
    p12 USMALLINT NOT NULL,
    p24 USMALLINT NOT NULL,
    p144 USMALLINT NOT NULL,
    projected_block INTEGER,
    urgency VARCHAR NOT NULL,
    flow VARCHAR NOT NULL,
    first_seen_by VARCHAR NOT NULL
);

CREATE TABLE whale_outcomes (
    prediction_id VARCHAR NOT NULL,
    detected_at TIMESTAMPTZ NOT NULL,
    counted_at TIMESTAMPTZ NOT NULL,
    day INTEGER NOT NULL,
    confirmed BOOLEAN NOT NULL,
    lead_time_seconds DOUBLE,
    excused BOOLEAN NOT NULL,
    flow_right BOOLEAN,
    announced BOOLEAN NOT NULL,
    urgency VARCHAR,
    flow VARCHAR NOT NULL,
    first_seen_by VARCHAR NOT NULL
);

-- The sums of days whose rows are gone, kept for good: `sums` as JSON, of one flow, urgency and first source;
-- a late straggler of a day adds a row. The lead times of a day cannot be added, so they stand by day alone.
CREATE TABLE daily_accuracy (
    day INTEGER NOT NULL,
    flow VARCHAR NOT NULL,
    urgency VARCHAR,
    first_seen_by VARCHAR NOT NULL,
    sums VARCHAR NOT NULL
);

CREATE TABLE daily_lead_times (
    day INTEGER NOT NULL,
    p10 DOUBLE NOT NULL,
    p50 DOUBLE NOT NULL,
    p90 DOUBLE NOT NULL
);
