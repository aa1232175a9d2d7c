"""The running local system, as its stack.json describes it: the one way in which commands find it."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commands.errors import CommandFailed, ExitCode

REPOSITORY = Path(__file__).resolve().parents[2]
DESCRIPTION = Path(os.environ.get("LOCAL_STATE") or REPOSITORY / ".local") / "stack.json"


@dataclass(frozen=True)
class Stack:
    """What stack.json says. `part` and `credential` raise CommandFailed for what this system does not have."""

    file: Path
    content: Mapping[str, Any]

    @property
    def base_url(self) -> str:
        """The URL that everything is under."""
        return str(self.content["base_url"])

    def part(self, name: str) -> Any:
        """Return what is said of one part: postgres, redis, storage, cloud_sql."""
        if name not in self.content:
            raise CommandFailed(f"{self.file} describes a system without {name}")
        return self.content[name]

    def credential(self, name: str) -> str:
        """Return a credential that works on this system, such as admin_token."""
        credentials = self.part("credentials")
        if name not in credentials:
            raise CommandFailed(f"the local system declares no {name}", remedy="Pulumi.local.yaml switches it on.")
        return str(credentials[name])


def read(file: Path, otherwise: str = "") -> Stack:
    """Return the running system. `otherwise`: what can be given instead of it. Raises CommandFailed."""
    try:
        return Stack(file, json.loads(file.read_text()))
    except FileNotFoundError:
        raise CommandFailed(
            f"the local system does not run: {file} is not there",
            remedy=f"Start it with `make up`{f', or give {otherwise}' if otherwise else ''}.",
            code=ExitCode.NOT_RUNNING,
        ) from None
    except (OSError, ValueError) as error:
        raise CommandFailed(f"{file} cannot be read: {error}") from None
