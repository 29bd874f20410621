-- Migration 7. Which scripts a whale pays from or to, in any of its transactions, as the first 8 bytes of their
-- BLAKE2b: 400,000 whales are searched for one in milliseconds. `since` is the moment of the first version with it.
CREATE TABLE whale_scripts (
    whale BIGINT NOT NULL,
    since TIMESTAMPTZ NOT NULL,
    script UBIGINT NOT NULL
);
-- What an older Spout wrote has no such rows, and none in the accounts before migration 6: `backfilled` is the
-- number of the last whale that was brought up to date; the row goes with the last one.
INSERT INTO meta SELECT 'backfilled', '0' FROM meta WHERE key = 'instance';
