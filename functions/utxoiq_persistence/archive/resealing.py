"""Objects of releases that encrypted nothing: each is replaced by one that holds what tells of persons encrypted."""

from utxoiq_persistence.archive import archiving, person_keys, sealing
from utxoiq_persistence.archive import ledger as archive_ledger
from utxoiq_persistence.archive.archiving import ArchiveCorrupt
from utxoiq_persistence.archive.bucket import manifest_name
from utxoiq_persistence.archive.expiry import Expiry
from utxoiq_persistence.archive.exports import Part
from utxoiq_persistence.archive.ledger import ArchivedObject


def seal_clear_objects(expiry: Expiry, locked_days: int) -> None:
    """Replace the table's objects that are not sealed, without the rows of persons who were erased meanwhile.

    An object that the bucket does not give up within its first `locked_days` stays until then. One that fails its
    integrity check stays as well, and the tally tells of it. Raises ArchiveUnavailable.
    """
    for name in archive_ledger.list_abandoned_clear(expiry.session, expiry.table.name):
        _expunge(expiry, name)
    for archived in archive_ledger.list_clear(expiry.session, expiry.table.name, locked_days):
        if not expiry.has_time():
            return
        try:
            _replace(expiry, archived)
        except ArchiveCorrupt as error:
            expiry.tally.errors += 1
            expiry.tally.details.append(str(error))
        else:
            _expunge(expiry, archived.name)
    person_keys.tidy(expiry.session)


def _expunge(expiry: Expiry, name: str) -> None:
    """Remove an object in all versions: each would be as readable as it was."""
    expiry.archive.expunge(manifest_name(name))
    expiry.archive.expunge(name)


def _replace(expiry: Expiry, archived: ArchivedObject) -> None:
    """Put a sealed object in the place of one that is not. The run may be killed anywhere."""
    session, archive, table = expiry.session, expiry.archive, expiry.table
    rows = archiving.read(archive, table, archived)
    rows = sealing.without_users(table, rows, person_keys.pending_erasures(session))
    if rows.num_rows:
        part = Part.from_rows(table, archived.day, rows)
        begun = archiving.begin(session, part, "clear")
        stored = archiving.store(archive, begun, part)
        with session.transaction():
            archiving.keep(session, stored)
            archive_ledger.supersede(session, archived.name, begun.name)
    else:
        archive_ledger.abandon(session, archived.name)
