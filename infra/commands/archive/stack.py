"""Where the archive and its function are: those of the running local stack, unless others are named."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commands.archive.errors import CannotDo

DESCRIPTION = Path(".local/stack.json")
BUCKET_SUFFIX = "-archive"


@dataclass(frozen=True)
class Bucket:
    """endpoint: of a server that stands for Cloud Storage; None for Google's, with one's own credentials."""

    name: str
    endpoint: str | None = None


@dataclass(frozen=True)
class Service:
    """token: an operator's ID token."""

    url: str
    token: str


def local_bucket(description: Path = DESCRIPTION) -> Bucket:
    """Raises CannotDo."""
    storage = _read(description)["storage"]
    names = [name for name in storage["buckets"] if name.endswith(BUCKET_SUFFIX)]
    if len(names) != 1:
        raise CannotDo(f"the local stack has {len(names)} buckets for archives; name one with --bucket")
    return Bucket(names[0], storage["url"])


def local_service(description: Path = DESCRIPTION) -> Service:
    """Raises CannotDo."""
    stack = _read(description)
    return Service(stack["base_url"], stack["credentials"]["admin_token"])


def _read(description: Path) -> Any:
    try:
        return json.loads(description.read_text())
    except FileNotFoundError:
        raise CannotDo(f"{description} is not there; start the system first (make up), or name another one") from None
