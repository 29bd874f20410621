-- Migration 11. What an append stored before its rows were written out: the batch as msgpack, under the number of its last event.
-- Empty except for the moment between the two, and after a kill in it. `tried` counts the starts that began to write it out;
-- what three could not is kept in `journal_unread`.
CREATE TABLE journal (
    sequence BIGINT NOT NULL,
    batch BLOB NOT NULL,
    tried INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE journal_unread AS FROM journal LIMIT 0;
