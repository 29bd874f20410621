-- Migration 5. What is sent, to whom, and how it went. `alerts` has each event that any endpoint gets, once, as it is
-- sent; a delivery is one of them to one endpoint; an attempt is one try of it (a heartbeat's has no delivery).
CREATE TABLE alerts (
    sequence BIGINT NOT NULL,
    event_id VARCHAR NOT NULL,
    event_type VARCHAR NOT NULL,
    told_at TIMESTAMPTZ NOT NULL,
    body VARCHAR NOT NULL
);
CREATE TABLE deliveries (
    id VARCHAR NOT NULL,
    endpoint_id VARCHAR NOT NULL,
    sequence BIGINT NOT NULL,
    event_id VARCHAR NOT NULL,
    event_type VARCHAR NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    status VARCHAR NOT NULL,
    because VARCHAR
);
CREATE TABLE attempts (
    delivery_id VARCHAR,
    endpoint_id VARCHAR NOT NULL,
    attempted_at TIMESTAMPTZ NOT NULL,
    delivered BOOLEAN NOT NULL,
    ms DOUBLE NOT NULL,
    status_code INTEGER,
    error VARCHAR,
    answer VARCHAR
);
-- How each endpoint fares; in the transaction of the attempt that changed it.
CREATE TABLE endpoint_progress (
    endpoint_id VARCHAR NOT NULL,
    failing_since TIMESTAMPTZ,
    streak INTEGER NOT NULL,
    next_attempt_at TIMESTAMPTZ
);
CREATE TABLE called_hosts (
    host VARCHAR NOT NULL,
    used_for VARCHAR NOT NULL,
    first_at TIMESTAMPTZ NOT NULL
);
