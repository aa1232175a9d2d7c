from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.erased_in_archive import ErasedInArchive
    from ..models.erased_in_database import ErasedInDatabase


T = TypeVar("T", bound="Erasure")


@_attrs_define
class Erasure:
    """Reports what was erased, by store. Backups forget as they expire.

    Attributes:
        database (ErasedInDatabase): Counts the rows of feedback that are gone, and the entries of the audit log that
            name nobody any more.
        archive (ErasedInArchive): Counts the days of the archive whose rows of the user nobody can read any more.

            `objects_in_clear` counts objects of earlier releases, which encrypted nothing: the next run of retention
            replaces
            them by objects without the user's rows, and the keeper removes them a week later.
    """

    database: "ErasedInDatabase"
    archive: "ErasedInArchive"

    def to_dict(self) -> dict[str, Any]:
        database = self.database.to_dict()

        archive = self.archive.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "database": database,
                "archive": archive,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.erased_in_archive import ErasedInArchive
        from ..models.erased_in_database import ErasedInDatabase

        d = dict(src_dict)
        database = ErasedInDatabase.from_dict(d.pop("database"))

        archive = ErasedInArchive.from_dict(d.pop("archive"))

        erasure = cls(
            database=database,
            archive=archive,
        )

        return erasure
