-- Rollups are folded behind a watermark; docs/decisions/0013-narrow-metrics.md.

-- name: close_hour
SELECT metric_points_close()

-- name: fold
SELECT until, more FROM metric_points_fold()
