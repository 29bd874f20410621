-- Migration 9. What a whale is searched by holds its txids too, each as the lower half of its MD5: among 400,000 of them
-- one is found without reading their texts. A text that is found so is compared whole, so no other answer comes of it.
INSERT INTO whale_scripts
WITH first_sights AS (
    SELECT whale, min(detected_at) AS since
    FROM (SELECT whale, detected_at FROM predictions UNION ALL SELECT whale, detected_at FROM superseded)
    GROUP BY whale
)
SELECT whale, since, md5_number_lower(txid) FROM first_sights JOIN predictions USING (whale)
UNION ALL
SELECT whale, since, md5_number_lower(txid) FROM first_sights JOIN lineage USING (whale);
