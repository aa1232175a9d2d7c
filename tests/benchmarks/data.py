"""What is in the tables before anything is measured: loaded by sets, with statistics, rollups and sketches."""

import math
from collections.abc import Callable
from datetime import UTC, datetime

from pg8000.native import Connection

from utxoiq_persistence.metrics import folding, sketches
from utxoiq_persistence.postgres.session import Session

SERVICES = 20
METRIC_TYPES = ("cpu", "memory", "latency", "queue_depth")
METRIC_DAYS = 30
METRIC_MINUTES = 10
INSIGHTS = 1_000
RATERS = 100
JOBS = 1_000

SCALE_DAYS = 90
SCALE_SERVICE = "scale"
SMALL, LARGE = "small", "large"
PARTS = 20
# All that was loaded is folded at once.
SILENCE_SECONDS = 600.0

_RATINGS = """
INSERT INTO insight_feedback (id, insight_id, user_id, rating, comment, flag_type)
SELECT gen_random_uuid(), 'insight-' || lpad(i::text, 4, '0'), 'user-' || lpad(u::text, 3, '0'),
       1 + (i * 7 + u * 13 + i * u) % 5, CASE WHEN u % 20 = 0 THEN 'Matches what I see on chain.' END,
       CASE WHEN u % 50 = 0 THEN 'spam' END
FROM generate_series(0, :insights::int - 1) AS i, generate_series(0, :raters::int - 1) AS u
"""
_METRICS = """
INSERT INTO metric_points (series, "timestamp", id, metric_value, metric_metadata)
SELECT series, moment, gen_random_uuid(), random() * 1000,
       CASE WHEN extract(minute FROM moment) = 0 THEN '{"region": "us-east1"}'::jsonb END
FROM generate_series(0, :services::int - 1) AS s, unnest(:kinds::text[]) AS kind,
     LATERAL metric_series_ids(
         ARRAY['service-' || lpad(s::text, 2, '0')]::varchar[], ARRAY[kind]::varchar[], ARRAY['ms'], NULL) AS series,
     generate_series(date_trunc('hour', now()) - :days::int * interval '1 day',
                     date_trunc('hour', now()) - interval '2 hours', :minutes::int * interval '1 minute') AS moment
"""
_JOBS = """
INSERT INTO backfill_jobs (id, job_type, start_block, end_block, current_block, progress_percentage, created_by)
SELECT gen_random_uuid(), 'utxo_set', 0, 900000, n * 900, n * 0.1, 'operations'
FROM generate_series(0, :jobs::int - 1) AS n
RETURNING id::text
"""
_RATINGS_OF_ONE = """
INSERT INTO insight_feedback (id, insight_id, user_id, rating, comment)
SELECT gen_random_uuid(), :insight, 'user-' || u, 1 + u % 5, CASE WHEN u % 20 = 0 THEN 'ok' END
FROM generate_series(1, :count::int) AS u
"""
_METRICS_OF_ONE = """
INSERT INTO metric_points (series, "timestamp", id, metric_value)
SELECT series,
       date_trunc('day', now()) - :days::int * interval '1 day' + n * (:days::int * interval '1 day' / :count::int),
       gen_random_uuid(), random() * 1000
FROM metric_series_ids(ARRAY[:service]::varchar[], ARRAY[:kind]::varchar[], ARRAY['ms'], NULL) AS series,
     generate_series(:first::int, :last::int) AS n
"""
_STATS = """
INSERT INTO insight_stats
SELECT insight_id,
       count(*) FILTER (WHERE rating = 1), count(*) FILTER (WHERE rating = 2), count(*) FILTER (WHERE rating = 3),
       count(*) FILTER (WHERE rating = 4), count(*) FILTER (WHERE rating = 5), count(comment),
       count(*) FILTER (WHERE flag_type = 'inaccurate'), count(*) FILTER (WHERE flag_type = 'misleading'),
       count(*) FILTER (WHERE flag_type = 'spam')
FROM insight_feedback GROUP BY insight_id
"""


def service(number: int) -> str:
    return f"service-{number:02d}"


def insight(number: int) -> str:
    return f"insight-{number:04d}"


def user(number: int) -> str:
    return f"user-{number:03d}"


def load_routes(connection: Connection) -> list[str]:
    """100,000 ratings over 1,000 insights, a month of 80 series, and jobs, whose ids are returned."""
    _suspend_trigger(connection)
    connection.run(_RATINGS, insights=INSIGHTS, raters=RATERS)
    connection.run(_METRICS, services=SERVICES, kinds=list(METRIC_TYPES), days=METRIC_DAYS, minutes=METRIC_MINUTES)
    jobs = connection.run(_JOBS, jobs=JOBS)
    _derive(connection)
    return [row[0] for row in jobs or []]


def load_scale(connection: Connection, ratings: int, metrics: int, advance: Callable[[int], None]) -> None:
    """An insight and a series `large`, and a hundredth of each, `small`; metrics over the 90 days before today.

    advance: told how many rows were added.
    """
    _suspend_trigger(connection)
    for name, count in ((SMALL, ratings // 100), (LARGE, ratings)):
        connection.run(_RATINGS_OF_ONE, insight=name, count=count)
        advance(count)
    for name, count in ((SMALL, metrics // 100), (LARGE, metrics)):
        for part in range(PARTS):
            first, end = count * part // PARTS, count * (part + 1) // PARTS
            series = {"service": SCALE_SERVICE, "kind": name, "days": SCALE_DAYS}
            connection.run(_METRICS_OF_ONE, **series, count=count, first=first, last=end - 1)
            advance(end - first)
    _derive(connection)


def _suspend_trigger(connection: Connection) -> None:
    connection.run("ALTER TABLE insight_feedback DISABLE TRIGGER USER")


def _derive(connection: Connection) -> None:
    """What the trigger would have kept, and what the schedule makes."""
    connection.run(_STATS)
    session = Session(connection, SILENCE_SECONDS)
    folded = folding.fold(session, math.inf)
    sketches.fill(session, datetime.min.replace(tzinfo=UTC), folded, math.inf)
    connection.run("ALTER TABLE insight_feedback ENABLE TRIGGER USER")
    connection.run("VACUUM ANALYZE")
