"""A database as the system before left it: its schema, and rows of every kind that its clients made, dirty ones too."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pg8000.native

SCHEMA = (
    """CREATE TABLE users (
        id uuid PRIMARY KEY, firebase_uid varchar(128) UNIQUE, email varchar(255) UNIQUE, display_name varchar(100),
        role varchar(20) DEFAULT 'user', subscription_tier varchar(20) DEFAULT 'free', stripe_customer_id varchar(255),
        created_at timestamp, updated_at timestamp, last_login_at timestamp)""",
    """CREATE TABLE api_keys (
        id uuid PRIMARY KEY, user_id uuid REFERENCES users, key_hash varchar(64) UNIQUE, key_prefix varchar(20),
        name varchar(100), scopes text[], last_used_at timestamp, created_at timestamp, revoked_at timestamp)""",
    """CREATE TABLE backfill_jobs (
        id uuid PRIMARY KEY, job_type varchar(50), start_block integer, end_block integer, current_block integer,
        status varchar(20), progress_percentage double precision, estimated_completion timestamp, error_message text,
        started_at timestamp, completed_at timestamp, created_by varchar(100))""",
    """CREATE TABLE insight_feedback (
        id uuid PRIMARY KEY, insight_id varchar(100), user_id varchar(100), rating integer, comment text,
        flag_type varchar(50), flag_reason text, created_at timestamp, updated_at timestamp,
        UNIQUE (insight_id, user_id))""",
    """CREATE TABLE system_metrics (
        id uuid PRIMARY KEY, service_name varchar(100), metric_type varchar(50), metric_value double precision,
        unit varchar(20), "timestamp" timestamp, metric_metadata jsonb)""",
)
USERS = 500
# Of the rows, each of these shares has the one flaw; the numbers are prime, so that they meet each other as well.
_USERS = """
    INSERT INTO users (id, firebase_uid, email, created_at)
    SELECT md5('user ' || n)::uuid, CASE WHEN n = 7 THEN repeat('u', 120) WHEN n = 8 THEN '' ELSE 'subject-' || n END,
           n || '@example.com', '2024-01-01' FROM generate_series(1, {users}) AS n"""
_JOBS = """
    INSERT INTO backfill_jobs
    SELECT md5('job ' || n)::uuid, CASE WHEN n % 997 = 0 THEN '' ELSE 'type-' || n % 3 END, 100, 1000,
           CASE WHEN n % 101 = 0 THEN 1001 WHEN n % 103 = 0 THEN 99 ELSE 100 + n % 901 END,
           CASE WHEN n % 107 = 0 THEN 'cancelled'
                ELSE (ARRAY['running', 'paused', 'completed', 'failed'])[1 + n % 4] END,
           CASE WHEN n % 5 = 0 THEN NULL WHEN n % 109 = 0 THEN 'NaN'::float8 ELSE n % 101 END,
           CASE WHEN n % 2 = 0 THEN {now} + interval '1 hour' END,
           CASE WHEN n % 113 = 0 THEN repeat('x', 2001)
                WHEN n % 7 = 0 THEN E'a "b",\\n\\t\\\\' WHEN n % 11 = 0 THEN '' END,
           {now} - n % 100 * interval '1 hour' - interval '1.000001 s',
           CASE WHEN n % 4 IN (2, 3) OR n % 13 = 0 THEN {now} - n % 90 * interval '1 hour' END,
           CASE WHEN n % 3 = 0 THEN '' WHEN n % 3 = 1 THEN 'ops' END
    FROM generate_series({first}, {last}) AS n"""
_FEEDBACK = """
    INSERT INTO insight_feedback
    SELECT md5('feedback ' || n)::uuid, CASE WHEN n % 499 = 0 THEN '' ELSE 'insight-' || n / {users} END,
           CASE WHEN n % 97 = 0 THEN gen_random_uuid()::text ELSE md5('user ' || 1 + n % {users})::uuid::text END,
           CASE WHEN n % 89 = 0 THEN 6 WHEN n % 3 > 0 THEN 1 + n % 5 END,
           CASE WHEN n % 83 = 0 THEN repeat('y', 1001) WHEN n % 2 = 0 THEN ''
                WHEN n % 7 = 0 THEN E'says "no",\\n\\t\\\\ é' END,
           CASE WHEN n % 79 = 0 THEN 'rude' WHEN n % 11 = 0 THEN 'spam' WHEN n % 13 = 0 THEN '' END,
           CASE WHEN n % 11 = 0 THEN 'because' END,
           {now} - n % 1000 * interval '1 hour' - interval '1 day', {now} - n % 1000 * interval '1 hour'
    FROM generate_series({first}, {last}) AS n"""
_METRICS = """
    INSERT INTO system_metrics
    SELECT md5('metric ' || n)::uuid, CASE WHEN n % 211 = 0 THEN '' ELSE 'service-' || n % 5 END, 'latency',
           CASE WHEN n % 101 = 0 THEN 'NaN'::float8 WHEN n % 103 = 0 THEN '-Infinity'::float8 ELSE n % 1000 + 0.1 END,
           CASE WHEN n % 2 = 0 THEN 'ms' ELSE '' END,
           CASE WHEN n % 20011 = 0 THEN 'infinity' ELSE {now} - n % 8000 * interval '10 minutes 0.000001 s' END,
           CASE n % 4 WHEN 0 THEN NULL WHEN 1 THEN '{{"zone": "a\\n", "n": [1, null]}}'::jsonb
                      WHEN 2 THEN CASE WHEN n % 107 = 0 THEN '[1]'::jsonb ELSE 'null'::jsonb END ELSE 'null'::jsonb END
    FROM generate_series({first}, {last}) AS n"""
FILLS = {"backfill_jobs": _JOBS, "insight_feedback": _FEEDBACK, "system_metrics": _METRICS}
# In the middle of an hour of a past day, so that nothing depends on the moment.
NOW = "(date_trunc('day', now() AT TIME ZONE 'UTC') - interval '30 minutes')"

# What each table has to hold afterwards, said anew by the old rows and not by what brings them.
EXPECTED = {
    "backfill_jobs": """
        SELECT id::text, job_type, start_block, end_block, current_block, status,
               coalesce(progress_percentage, CASE status WHEN 'completed' THEN 100 ELSE 0 END),
               estimated_completion AT TIME ZONE 'UTC', nullif(error_message, ''), started_at AT TIME ZONE 'UTC',
               CASE WHEN status IN ('completed', 'failed') THEN completed_at END AT TIME ZONE 'UTC',
               nullif(created_by, '')
        FROM backfill_jobs
        WHERE job_type <> '' AND current_block BETWEEN start_block AND end_block AND status <> 'cancelled'
          AND coalesce(progress_percentage, 0) <> 'NaN' AND length(coalesce(error_message, '')) <= 2000""",
    "insight_feedback": """
        SELECT f.id::text, insight_id, firebase_uid, rating, nullif(comment, ''), nullif(flag_type, ''), flag_reason,
               f.created_at AT TIME ZONE 'UTC', f.updated_at AT TIME ZONE 'UTC'
        FROM insight_feedback AS f JOIN users AS u ON u.id::text = f.user_id
        WHERE insight_id <> '' AND firebase_uid <> '' AND length(firebase_uid) <= 100 AND coalesce(rating, 1) < 6
          AND length(coalesce(comment, '')) <= 1000 AND coalesce(flag_type, '') <> 'rude'""",
    "system_metrics": """
        SELECT id::text, service_name, metric_type, metric_value, unit, "timestamp" AT TIME ZONE 'UTC',
               nullif(metric_metadata, 'null')::text
        FROM system_metrics
        WHERE service_name <> '' AND metric_value NOT IN ('NaN', 'Infinity', '-Infinity') AND isfinite("timestamp")
          AND coalesce(jsonb_typeof(metric_metadata), 'null') IN ('null', 'object')""",
}
HERE = {
    "backfill_jobs": """
        SELECT id::text, job_type, start_block, end_block, current_block, status, progress_percentage,
               estimated_completion, error_message, started_at, completed_at, created_by FROM backfill_jobs""",
    "insight_feedback": """
        SELECT id::text, insight_id, user_id, rating, comment, flag_type, flag_reason, created_at, updated_at
        FROM insight_feedback""",
    "system_metrics": """
        SELECT id::text, service_name, metric_type, metric_value, unit, "timestamp", metric_metadata::text
        FROM system_metrics""",
}


@dataclass
class OldSystem:
    """url: of the database, as whoever moves gives it."""

    sql: pg8000.native.Connection
    url: str

    def fill(self, first: int, last: int) -> None:
        """Rows number `first` to `last` of each table."""
        for statement in FILLS.values():
            self.sql.run(statement.format(first=first, last=last, now=NOW, users=USERS))

    def begin(self, users: int = USERS) -> None:
        """The schema, and the users."""
        for statement in SCHEMA:
            self.sql.run(statement)
        self.sql.run(_USERS.format(users=users))

    def counts(self) -> dict[str, int]:
        return {table: self.sql.run(f"SELECT count(*) FROM {table}")[0][0] for table in FILLS}  # noqa: S608


def rows(sql: pg8000.native.Connection, query: str) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(row) for row in sql.run(query))
