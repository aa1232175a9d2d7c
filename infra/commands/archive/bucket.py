"""Where the archive is: the running local system's bucket, unless another one is named."""

from dataclasses import dataclass

from commands.errors import CommandFailed
from commands.stack import Stack

SUFFIX = "-archive"


@dataclass(frozen=True)
class Bucket:
    """endpoint: of a server that stands for Cloud Storage; None for Google's, with one's own credentials."""

    name: str
    endpoint: str | None = None


def local_bucket(stack: Stack) -> Bucket:
    """Return the local system's archive. Raises CommandFailed."""
    storage = stack.part("storage")
    names = [name for name in storage["buckets"] if name.endswith(SUFFIX)]
    if len(names) != 1:
        raise CommandFailed(f"the local system has {len(names)} buckets for archives", remedy="Name one with --bucket.")
    return Bucket(names[0], storage["url"])
