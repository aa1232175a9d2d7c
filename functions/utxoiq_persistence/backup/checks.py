"""The comparison of a restored copy with its source just before the backup began and just after it ended.

A backup is of some moment between the two. What was equal at both must be equal in the copy, row for row; what changed
while the backup ran must lie between.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from utxoiq_persistence.backup.facts import Facts, Sample
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import load

_SQL = load("backup_facts")


class Check(Struct, frozen=True):
    """The result of one comparison. detail says what was compared or, if it failed, what differs."""

    name: str
    passed: bool
    detail: str


def compare(before: Facts, after: Facts, copy: Facts) -> list[Check]:
    """Return the results of comparing the copy's facts with those before and after the backup."""
    return [
        _schema(before, after, copy),
        _check("row_counts", f"{len(copy.rows)} tables", list(_differing_counts(before, after, copy))),
        _samples(before.samples, after.samples, copy.samples),
        _check("newest_rows", f"{len(before.newest)} tables", list(_differing_newest(before, after, copy))),
        _check("statistics", "those of every insight", list(_differing_statistics(before, after, copy))),
    ]


def check_constraints(session: Session) -> list[Check]:
    """Return whether the copy's rows obey its constraints, without trust in its indexes.

    This reads every page of every table.
    """
    # Look for duplicates in the tables themselves, not in indexes that may be damaged.
    session.execute("SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off")
    unusable = [f"{name} is not valid" for (name,) in session.run(_SQL["unusable"])]
    violations = session.run(_SQL["violations"])
    duplicates = session.run(_SQL["duplicates"])
    broken = [f"{count} rows of {table} break a rule" for table, count in violations if count]
    double = [f"{count} values of {key} are there twice" for key, count in duplicates if count]
    return [
        _check("validity", "constraints and indexes", unusable),
        _check("rules", f"the rows of {len(violations)} tables", broken),
        _check("keys", f"the values of {len(duplicates)} keys", double),
    ]


def _check(name: str, what: str, differing: Sequence[str]) -> Check:
    return Check(name, not differing, "; ".join(differing[:5]) or f"{what} are as they should be")


def _schema(before: Facts, after: Facts, copy: Facts) -> Check:
    expected = {(facts.schema_version, facts.schema_digest) for facts in (before, after)}
    if (copy.schema_version, copy.schema_digest) in expected:
        return Check("schema", True, f"version {copy.schema_version}")
    versions = " or ".join(sorted({version for version, _ in expected}))
    return Check("schema", False, f"version {copy.schema_version}, not the tables of version {versions}")


def _differing_counts(before: Facts, after: Facts, copy: Facts) -> Iterator[str]:
    for table in sorted(before.rows.keys() & after.rows.keys()):
        low, high = sorted((before.rows[table], after.rows[table]))
        rows = copy.rows.get(table)
        if rows is None:
            yield f"{table} is missing"
        elif not low <= rows <= high:
            yield f"{table} has {rows} rows, not {low} to {high}"


def _samples(before: Sequence[Sample], after: Sequence[Sample], copy: Sequence[Sample]) -> Check:
    differing = []
    exact = 0
    for earlier, later, restored in zip(before, after, copy, strict=True):
        place = f"{restored.range.table} from {restored.range.first} to {restored.range.last}"
        low, high = sorted((earlier.rows, later.rows))
        if earlier.checksum == later.checksum:
            exact += 1
            if restored.checksum != earlier.checksum:
                differing.append(f"{place} has {restored.rows} rows with another checksum than the {low} of the source")
        elif not low <= restored.rows <= high:
            differing.append(f"{place} has {restored.rows} rows, not {low} to {high}")
    passed = f"{exact} ranges equal, {len(copy) - exact} changed while the backup ran"
    return Check("samples", not differing, "; ".join(differing[:5]) or passed)


def _differing_newest(before: Facts, after: Facts, copy: Facts) -> Iterator[str]:
    for table, earlier in before.newest.items():
        later, restored = after.newest[table], copy.newest[table]
        known = [moment for moment in (earlier, later) if moment is not None]
        if earlier == later == restored or _between(known, restored):
            continue
        yield f"the newest row of {table} is of {restored}, not of {earlier} to {later}"


def _between(known: Sequence[datetime], restored: datetime | None) -> bool:
    """Return whether the copy's newest row is possible.

    A table that was empty at one of the two moments may also be empty in the copy.
    """
    if restored is None or len(known) < 2:
        return len(known) == 1
    return min(known) <= restored <= max(known)


def _differing_statistics(before: Facts, after: Facts, copy: Facts) -> Iterator[str]:
    low, high = sorted((before.statistics_off, after.statistics_off))
    if not low <= copy.statistics_off <= high:
        yield f"{copy.statistics_off} insights have statistics that do not match their feedback, not {low} to {high}"
