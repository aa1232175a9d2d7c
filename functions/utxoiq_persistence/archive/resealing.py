"""Objects of releases that encrypted nothing: each is replaced by one that holds what tells of persons encrypted."""

from utxoiq_persistence.archive import archiving, person_keys, sealing
from utxoiq_persistence.archive import ledger as archive_ledger
from utxoiq_persistence.archive.archiving import ArchiveCorrupt
from utxoiq_persistence.archive.bucket import ObjectMissing
from utxoiq_persistence.archive.expiry import Expiry
from utxoiq_persistence.archive.ledger import ArchivedObject
from utxoiq_persistence.archive.parts import Part


def seal_clear_objects(expiry: Expiry) -> None:
    """Replace the table's objects that are not sealed, without the rows of persons who were erased meanwhile.

    What was replaced is withdrawn: the keeper alone may remove it. An object that fails its integrity check stays, and
    the tally tells of it; one that is gone from the bucket stays in the ledger, for it may be brought back. Raises
    ArchiveUnavailable.
    """
    for archived in archive_ledger.list_clear(expiry.session, expiry.table.name):
        if not expiry.has_time():
            return
        try:
            _replace(expiry, archived)
        except ObjectMissing:
            continue
        except ArchiveCorrupt as error:
            expiry.tally.errors += 1
            expiry.tally.details.append(str(error))
    person_keys.tidy(expiry.session)


def _replace(expiry: Expiry, archived: ArchivedObject) -> None:
    """Put a sealed object in the place of one that is not. A run that is killed is made good by the next one."""
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
    archive.withdraw(archived.name)
