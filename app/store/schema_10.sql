-- Migration 10. How often a delivery that waits was permanently refused since it last began to wait: it was counted from what
-- the attempts' errors say. A success ended a count, and so did the third refusal, which settles a delivery.
ALTER TABLE deliveries ADD COLUMN refusals INTEGER DEFAULT 0;
UPDATE deliveries SET refusals = counted.refusals
FROM (
    SELECT delivery_id, count(*) FILTER (
        attempted_at > coalesce(succeeded_at, '-infinity'::TIMESTAMPTZ)
        AND ((status_code BETWEEN 400 AND 499 AND status_code NOT IN (408, 410, 425, 429))
            OR error LIKE 'the mail server answered 5%')
    ) % 3 AS refusals
    FROM (
        SELECT *, max(attempted_at) FILTER (delivered) OVER (PARTITION BY delivery_id) AS succeeded_at
        FROM attempts WHERE delivery_id IS NOT NULL
    )
    GROUP BY delivery_id
) AS counted
WHERE deliveries.status = 'waiting' AND counted.delivery_id = deliveries.id AND counted.refusals > 0;
