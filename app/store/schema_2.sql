-- Migration 2. Blocks whose transactions were looked at, every whale in them settled. One that is not here
-- was connected just before a kill: it is read again, so that a whale that only its block tells is not lost.
CREATE TABLE blocks_read (
    hash VARCHAR NOT NULL
);
INSERT INTO blocks_read SELECT hash FROM blocks;
