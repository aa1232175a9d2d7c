-- name: ensure_ahead
SELECT month::text FROM system_metrics_ensure_ahead() AS month

-- name: homeless_months
-- Of strays that have a month to go to: neither expired nor further ahead than a year.
SELECT DISTINCT date_trunc('month', "timestamp", 'UTC') FROM metric_points_default
WHERE "timestamp" >= :expires AND "timestamp" < now() + interval '1 year'

-- name: ensure_month
SELECT system_metrics_ensure_month(:moment)

-- name: months
-- Every month's table, oldest first, and whether it is part of the table now.
SELECT to_date(right(relname, 7), 'YYYY_MM')::text AS month, relispartition FROM pg_class
WHERE relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'metric_points'::regclass)
  AND relkind = 'r' AND relname ~ '^metric_points_[0-9]{4}_[0-9]{2}$'
ORDER BY relname

-- name: prepare_month
SELECT system_metrics_prepare_month(:month)

-- name: detach_month
SELECT system_metrics_detach_month(:month)

-- name: oldest_transaction
-- All transactions before it have ended, and what they did is seen by every snapshot from now on.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text

-- name: drop_month
SELECT dropped, returned FROM system_metrics_drop_month(:month, :unchanged_since::text::xid8)
