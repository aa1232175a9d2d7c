"""A table comes back as it was: definition, rights, rows, and what follows from them. Again does no harm."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from pg8000.dbapi import Connection

from commands.errors import CommandFailed, ExitCode
from commands.recover.database import Database
from commands.recover.rows import copy_missing
from local_cloud.processes.postgres import Postgres

# A constraint is deparsed with other casts and parentheses once it was read again; it means the same. The names of
# NOT NULL are the server's choice.
DESCRIPTION = r"""
    SELECT 'table', relname, relowner::regrole::text, relkind::text, reloptions::text, pg_get_expr(relpartbound, oid),
           (SELECT string_agg(acl::text, ',' ORDER BY acl::text) FROM unnest(relacl) AS acl)
    FROM pg_class WHERE relname LIKE '{0}%' AND relkind IN ('r', 'p')
    UNION ALL
    SELECT 'column', attrelid::regclass::text, attname, attnotnull::text, format_type(atttypid, atttypmod),
           pg_get_expr(adbin, adrelid),
           (SELECT string_agg(acl::text, ',' ORDER BY acl::text) FROM unnest(attacl) AS acl)
    FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid::regclass::text LIKE '{0}%' AND attnum > 0
    UNION ALL
    SELECT 'constraint', conrelid::regclass::text, regexp_replace(conname, '(_not_null)\d+$', '\1'), convalidated::text,
           regexp_replace(pg_get_constraintdef(oid), '[()]|::text(\[\])?|::character varying', '', 'g'), '', ''
    FROM pg_constraint WHERE conrelid::regclass::text LIKE '{0}%'
    UNION ALL
    SELECT 'index', indrelid::regclass::text,
           regexp_replace(pg_get_indexdef(indexrelid), '[()]|::text(\[\])?|::character varying', '', 'g'),
           indisvalid::text, '', '', ''
    FROM pg_index WHERE indrelid::regclass::text LIKE '{0}%'
    UNION ALL
    SELECT 'trigger', tgrelid::regclass::text, pg_get_triggerdef(oid), tgenabled::text, '', '', ''
    FROM pg_trigger WHERE tgrelid::regclass::text LIKE '{0}%' AND NOT tgisinternal
    ORDER BY 1, 2, 3"""
STATISTICS = "SELECT * FROM insight_stats ORDER BY insight_id"


@pytest.fixture(scope="module")
def seeded(postgres: Postgres, new_database: Callable[[], str]) -> str:
    name = new_database()
    with postgres.connect(database=name) as connection:
        connection.run("""
            INSERT INTO insight_feedback (id, insight_id, user_id, rating, comment, flag_type)
            SELECT gen_random_uuid(), 'insight-' || n % 10, 'user-' || n, 1 + n % 5, nullif(left('x', n % 2), ''),
                   CASE n % 3 WHEN 0 THEN 'spam' END FROM generate_series(1, 1000) AS n""")
        connection.run("""
            INSERT INTO system_metrics
            SELECT gen_random_uuid(), 'api', 'latency', n, 'ms', now() - n * interval '1 hour', '{"zone": "a\\n"}'
            FROM generate_series(1, 1000) AS n""")
        connection.run("INSERT INTO audit_log (actor, action) SELECT 'me', 'test' FROM generate_series(1, 5)")
        connection.run("SET utxoiq.archiving = 'on'")
        connection.run("DELETE FROM insight_feedback WHERE user_id = 'user-5'")  # as retention archives it
    return name


@pytest.fixture
def live(postgres: Postgres, seeded: str) -> Iterator[Database]:
    """A copy of the source, to be damaged."""
    with postgres.connect() as connection:
        connection.run("DROP DATABASE IF EXISTS damaged")
        connection.run(f"CREATE DATABASE damaged TEMPLATE {seeded}")
    with closing(_database(postgres, "damaged")) as database:
        yield database


@pytest.fixture
def source(postgres: Postgres, live: Database, seeded: str) -> Iterator[Database]:
    with closing(_database(postgres, seeded)) as database:
        yield database


def _database(postgres: Postgres, name: str) -> Database:
    path = f"{postgres.socket_dir}/.s.PGSQL.5432"
    return Database(Connection("postgres", database=name, unix_sock=path, ssl_context=False))


def rows(database: Database, table: str) -> Any:
    return database.rows(f"SELECT t::text FROM {table} AS t ORDER BY 1")  # noqa: S608


@pytest.mark.parametrize("table", ["insight_feedback", "backfill_jobs", "retention_runs", "audit_log"])
def test_a_dropped_table_is_made_again_exactly_as_it_was(source: Database, live: Database, table: str) -> None:
    live.run(f"DROP TABLE {table}")

    copied = copy_missing(source, live, table)

    assert copied.table_was_made
    assert rows(live, table) == rows(source, table)
    assert live.rows(DESCRIPTION.format(table)) == source.rows(DESCRIPTION.format(table))
    assert live.rows(STATISTICS) == source.rows(STATISTICS)


def test_numbers_go_on_from_the_highest(source: Database, live: Database) -> None:
    live.run("DROP TABLE audit_log")
    copy_missing(source, live, "audit_log")
    live.run("INSERT INTO audit_log (actor, action) VALUES ('me', 'after')")
    assert live.rows("SELECT max(id) FROM audit_log")[0][0] == 6


def test_only_what_is_missing_comes_back_and_statistics_are_right(source: Database, live: Database) -> None:
    live.run("DELETE FROM insight_feedback WHERE insight_id IN ('insight-1', 'insight-2')")
    live.run("UPDATE insight_feedback SET rating = 5 WHERE user_id = 'user-3'")
    live.run("INSERT INTO insight_feedback (id, insight_id, user_id, rating) VALUES (gen_random_uuid(), 'new', 'u', 1)")

    copied = copy_missing(source, live, "insight_feedback")

    assert (copied.found, copied.added, copied.table_was_made) == (999, 200, False)
    assert [tuple(row) for row in live.rows("SELECT rating FROM insight_feedback WHERE user_id = 'user-3'")] == [(5,)]
    assert live.rows("SELECT count(*) FROM insight_feedback")[0][0] == 1000
    off = live.rows("""
        SELECT insight_id FROM insight_stats FULL JOIN (
            SELECT insight_id, count(rating) AS n FROM insight_feedback GROUP BY 1) AS live USING (insight_id)
        WHERE n <> rating_1 + rating_2 + rating_3 + rating_4 + rating_5 - (insight_id = 'insight-5')::int""")
    assert list(off) == []


def test_a_second_time_nothing_changes(source: Database, live: Database) -> None:
    live.run("DELETE FROM metric_points WHERE metric_value < 100")
    assert copy_missing(source, live, "system_metrics", "metric_value < 50 AND service_name = 'api'").added == 49
    assert copy_missing(source, live, "system_metrics").added == 50
    before = rows(live, "system_metrics")
    assert copy_missing(source, live, "system_metrics").added == 0
    assert rows(live, "system_metrics") == before


def test_a_condition_chooses_the_rows(source: Database, live: Database) -> None:
    live.run("DELETE FROM insight_feedback")
    assert copy_missing(source, live, "insight_feedback", "insight_id = 'insight-1'").added == 100
    # One with a % of each kind: an operator, and part of a text.
    condition = "rating % 2 = 0 AND insight_id LIKE 'insight-%' AND insight_id <> 'insight-1'"
    assert copy_missing(source, live, "insight_feedback", condition).added == 300


def test_a_condition_on_a_dropped_table_that_is_wrong_is_said(source: Database, live: Database) -> None:
    live.run("DROP TABLE insight_feedback")
    for condition, says in (("raiting = 1", 'column "raiting" does not exist'), ("true; SELECT 1", "syntax error")):
        with pytest.raises(CommandFailed, match=says) as refused:
            copy_missing(source, live, "insight_feedback", condition)
        assert refused.value.code is ExitCode.USAGE
    assert live.rows("SELECT to_regclass('insight_feedback') IS NULL") == [[True]]


def test_what_the_live_database_refuses_leaves_it_as_it_was(source: Database, live: Database) -> None:
    live.run("DELETE FROM insight_feedback WHERE insight_id = 'insight-1'")
    live.run("ALTER TABLE insight_feedback ADD CONSTRAINT never CHECK (insight_id <> 'insight-1')")
    before = rows(live, "insight_feedback")
    with pytest.raises(CommandFailed, match="never"):
        copy_missing(source, live, "insight_feedback")
    assert rows(live, "insight_feedback") == before


def test_a_table_that_was_never_there_is_said(source: Database, live: Database) -> None:
    with pytest.raises(CommandFailed, match="there was no table nothing"):
        copy_missing(source, live, "nothing")


def test_rows_from_before_a_column_existed_come_back_with_its_default(source: Database, live: Database) -> None:
    before = rows(source, "insight_feedback")
    live.run("DELETE FROM insight_feedback WHERE insight_id = 'insight-1'")
    live.run("ALTER TABLE insight_feedback ADD COLUMN mood text DEFAULT 'calm'")
    assert copy_missing(source, live, "insight_feedback").added == 100
    assert [list(row) for row in live.rows("SELECT DISTINCT mood FROM insight_feedback")] == [["calm"]]
    live.run("ALTER TABLE insight_feedback DROP COLUMN mood")
    assert rows(live, "insight_feedback") == before


def test_a_column_that_has_gone_since_is_named_and_nothing_comes_back(source: Database, live: Database) -> None:
    live.run("DELETE FROM insight_feedback WHERE insight_id = 'insight-1'")
    live.run("ALTER TABLE insight_feedback DROP COLUMN flag_reason")
    before = rows(live, "insight_feedback")
    with pytest.raises(
        CommandFailed, match="insight_feedback had columns at that moment that it lacks now: flag_reason"
    ):
        copy_missing(source, live, "insight_feedback")
    assert rows(live, "insight_feedback") == before
