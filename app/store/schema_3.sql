-- Migration 3. Every revision of every forecast, once, as JSON. A whale that waits long is forecast anew with
-- each block; with all its revisions in each of its versions, the records grew beyond what can be read.
CREATE TABLE forecasts (
    prediction_id VARCHAR NOT NULL,
    made_at TIMESTAMPTZ NOT NULL,
    record VARCHAR NOT NULL
);
