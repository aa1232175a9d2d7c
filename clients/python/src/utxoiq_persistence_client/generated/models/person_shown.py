from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from attrs import define as _attrs_define

T = TypeVar("T", bound="PersonShown")


@_attrs_define
class PersonShown:
    """Tells who a person of the archive is, and the key of what the archive holds of that person, in base64.

    Attributes:
        person (UUID): The person's name in objects of the archive.
        user_id (str): The id of the user. A user may leave it out; a service names whose feedback it is.
        key (str): The key of what the archive holds of the person.
    """

    person: UUID
    user_id: str
    key: str

    def to_dict(self) -> dict[str, Any]:
        person = str(self.person)

        user_id = self.user_id

        key = self.key

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "person": person,
                "user_id": user_id,
                "key": key,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        person = UUID(d.pop("person"))

        user_id = d.pop("user_id")

        key = d.pop("key")

        person_shown = cls(
            person=person,
            user_id=user_id,
            key=key,
        )

        return person_shown
