"""The credentials of a local stack, which its console offers to whoever tries an operation on this machine."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from utxoiq_console.documentation import Operation

# The names in stack.json, in the order in which they are offered: what they are, and whose they are.
KNOWN = {
    "user_token": ("token", "the user user-1"),
    "other_user_token": ("token", "the user user-2"),
    "service_key": ("key", "the deployment's service key"),
    "admin_key": ("key", "the deployment's admin key"),
    "admin_token": ("token", "an operator"),
    "scheduler_token": ("token", "Cloud Scheduler"),
}
# By the kind: the header, what is before the credential in it, and its variable in a curl command.
HEADERS = {
    "token": ("Authorization", "Bearer ", "$TOKEN"),
    "key": ("X-API-Key", "", "$API_KEY"),
}
# A choice of a form that names one of them, so that the credential itself is on no page.
PREFIX = "local:"
OPERATOR = f"{PREFIX}admin_token"
CALLERS = {"user": "user_token", "service": "service_key", "operator": "admin_token", "scheduler": "scheduler_token"}


@dataclass(frozen=True)
class Credential:
    """Has a credential, and whether it is a `token` or a `key`."""

    kind: str
    value: str

    @property
    def header(self) -> tuple[str, str]:
        """Return the header that has it."""
        name, before, _ = HEADERS[self.kind]
        return name, before + self.value


class Credentials:
    """Reads the file in which a local stack keeps its credentials. Without a file there are none to offer."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def offered(self) -> Mapping[str, str]:
        """Return the choices of a form, with whose credential each is in words; none in the cloud."""
        there = self._read()
        return {f"{PREFIX}{name}": whose for name, (_, whose) in KNOWN.items() if name in there}

    def choice(self, caller: str) -> str:
        """Return the choice for a kind of caller, such as `user`; empty if nothing is offered for it."""
        name = f"{PREFIX}{CALLERS.get(caller, '')}"
        return name if name in self.offered() else ""

    def find(self, choice: str, operation: Operation, form: Mapping[str, str]) -> Credential | None:
        """Return the credential that a form chooses for an operation; None if the choice is none of a local stack."""
        name = choice.removeprefix(PREFIX)
        there = self._read()
        if not choice.startswith(PREFIX) or name not in there:
            return None
        # What takes Google's identities only takes tokens that are for the function itself.
        own = f"{operation.function(form.get('function', '')).id}_token"
        return Credential(KNOWN[name][0], there[own] if name == "admin_token" and own in there else there[name])

    def _read(self) -> Mapping[str, str]:
        # The deployer takes it away as it ends.
        if self._file is None or not self._file.exists():
            return {}
        found: Mapping[str, str] = json.loads(self._file.read_text())["credentials"]
        return found
