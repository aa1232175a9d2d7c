"""Each function's role may do what docs/security.md says, and is refused the rest by the database itself."""

from pathlib import Path

import pytest
from pg8000.exceptions import DatabaseError
from tests.integration.access.conftest import Rows

from local_cloud.processes.postgres import Postgres

DOCUMENT = Path(__file__).parents[3] / "docs" / "security.md"
# Keys and what was done with them are read by `keys` alone; of runs of retention, the archive's own list is proved;
# what is not folded yet is another between two looks; and persons' keys are read by nobody.
UNPROVED = {
    "api_keys",
    "audit_log",
    "retention_runs",
    "metric_deltas",
    "metric_watermark",
    "person_keys",
    "pending_erasures",
}
UNREAD = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
  AND NOT has_table_privilege('utxoiq_backup', oid, 'SELECT')
"""
ROLES = "SELECT rolname FROM pg_roles WHERE rolname ~ '^utxoiq_' ORDER BY 1"
# A verb on the whole table, or with the columns that it is granted on.
RIGHTS = """
SELECT role, relname, string_agg(verb || columns, ', ' ORDER BY verb) FROM (
    SELECT rolname AS role, relname, verb, CASE
        WHEN has_table_privilege(rolname, c.oid, verb) THEN ''
        WHEN verb IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') THEN (
            SELECT ' (' || string_agg(attname, ', ' ORDER BY attname) || ')' FROM pg_attribute
            WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
              AND has_column_privilege(rolname, c.oid, attnum, verb))
        END AS columns
    FROM pg_roles, pg_class AS c, unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) AS verb
    WHERE rolname ~ '^utxoiq_' AND relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
) AS rights WHERE columns IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2
"""


def documented() -> list[list[str]]:
    lines = DOCUMENT.read_text().splitlines()
    start = lines.index("| role | table | may |") + 2
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def test_every_role_has_the_rights_that_are_documented_and_no_other(rows: Rows) -> None:
    assert rows(RIGHTS) == documented()


def test_the_proof_of_a_backup_reads_every_table(rows: Rows) -> None:
    """A table that it does not read would be missing from a restored copy, and nobody would know."""
    assert {name for (name,) in rows(UNREAD)} == UNPROVED


@pytest.mark.parametrize("role", sorted({role for role, _, _ in documented()}))
def test_a_role_appends_to_the_audit_log_and_changes_nothing_of_it(
    postgres: Postgres, database: str, role: str
) -> None:
    refused = [
        "UPDATE audit_log SET actor = 'another'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "INSERT INTO audit_log (actor, action, at) VALUES ('someone', 'something', '2000-01-01')",
        "DROP TABLE audit_log",
        *(["SELECT * FROM audit_log"] if role != "utxoiq_keys" else []),
    ]
    with postgres.connect(database=database) as connection:
        connection.run(f"SET ROLE {role}")
        connection.run("INSERT INTO audit_log (actor, action) VALUES ('someone', 'something')")
        for statement in refused:
            with pytest.raises(DatabaseError, match="42501"):
                connection.run(statement)


def test_only_keys_reads_api_keys_and_nobody_changes_what_one_may(
    postgres: Postgres, database: str, rows: Rows
) -> None:
    for (role,) in rows(ROLES):
        with postgres.connect(database=database) as connection:
            connection.run(f"SET ROLE {role}")
            # A person's role is no function's: nobody shows it a key.
            if role != "utxoiq_import":
                assert connection.run("SELECT * FROM api_key_check('\\x00')") == []
            statements = ["UPDATE api_keys SET scopes = '{admin}'", "UPDATE api_keys SET digest = '\\x00'"]
            if role != "utxoiq_keys":
                statements += ["SELECT id FROM api_keys", "UPDATE api_keys SET revoked_at = NULL"]
            for statement in [*statements, "DELETE FROM api_keys"]:
                with pytest.raises(DatabaseError, match="42501"):
                    connection.run(statement)


def test_the_public_may_nothing(postgres: Postgres, database: str) -> None:
    with postgres.connect(database=database) as connection:
        connection.run("CREATE ROLE stranger")
        try:
            connection.run("SET ROLE stranger")
            for statement in (
                "SELECT * FROM audit_log",
                "SELECT * FROM api_key_check('\\x00')",
                "SELECT 1 FROM api_keys",
            ):
                with pytest.raises(DatabaseError, match="42501"):
                    connection.run(statement)
        finally:
            connection.run("RESET ROLE")
            connection.run("DROP ROLE stranger")
