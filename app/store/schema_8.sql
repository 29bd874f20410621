-- Migration 8. Which whale a delivery is about; what an endpoint's decisions remember (budget, quiet hours, what is owed),
-- what its watch has told, and the one message of a whale that is edited.
ALTER TABLE deliveries ADD COLUMN prediction_id VARCHAR;
CREATE TABLE alert_memory (
    endpoint_id VARCHAR NOT NULL,
    memory VARCHAR NOT NULL
);
CREATE TABLE alert_watch (
    endpoint_id VARCHAR NOT NULL,
    state VARCHAR NOT NULL
);
CREATE TABLE alert_threads (
    endpoint_id VARCHAR NOT NULL,
    prediction_id VARCHAR NOT NULL,
    final VARCHAR,
    message_id BIGINT,
    told_at TIMESTAMPTZ NOT NULL
);
