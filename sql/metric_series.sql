-- name: find_series
-- The numbers of series in the order that they are asked for; null for a new one if there would be more than `most`.
SELECT series
FROM metric_series_ids(:service_names::varchar[], :metric_types::varchar[], :units::varchar[], :most::bigint)
    WITH ORDINALITY AS found (series, place)
ORDER BY place

-- name: count_series
SELECT count(*) FROM metric_series
