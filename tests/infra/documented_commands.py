"""The commands of the documents that make and change a stack, applied to its configuration as the CLI applies them."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.infra.deployment import NAME, REPOSITORY, stack_configuration

DOCUMENTS = (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md")))
FIRST_STACK = "prod"
COMMAND = re.compile(r"(?:^ *|`)(pulumi (?:stack init|config set|config rm) [^`\n]+)", re.MULTILINE)
# What a reader puts in place of the documents' words. By then, what is secret is encrypted.
PLACEHOLDERS = {
    "INTEGRATION_KEY": "0123456789abcdef0123456789abcdef",
    "PROJECT": "utxoiq-prod",
    "TOPIC": "alerts",
    "TOKEN": "xoxb-0123456789",
    "NUMBER": "123456789012",
    "ID": "1234567890",
}


@dataclass(frozen=True)
class Command:
    """arguments: those after `pulumi`. document, heading: where it stands."""

    arguments: tuple[str, ...]
    document: str
    heading: str


@dataclass
class Stacks:
    """Configurations by stack: changes to its file, the file of `prod` where it has none, and which keys are secret."""

    changes: dict[str, dict[str, object]] = field(default_factory=dict)
    secrets: dict[str, set[str]] = field(default_factory=dict)
    current: str = FIRST_STACK

    def apply(self, command: Command) -> str:
        """Return the stack that the command changed."""
        options, rest = _parsed(command.arguments[2:])
        action = command.arguments[:2]
        if action == ("stack", "init"):
            self._make(rest[0], str(options.get("copy-config-from", rest[0])))
            return self.current
        stack = str(options.get("stack", self.current))
        self._changes(stack)[_key(rest[0])] = self._value(stack, rest, options) if action[1] == "set" else None
        if "secret" in options:
            self.secrets.setdefault(stack, set()).add(_key(rest[0]))
        return stack

    def _make(self, stack: str, like: str) -> None:
        self.changes[stack] = dict(self._changes(like))
        self.secrets[stack] = set(self.secrets.get(like, ()))
        self.current = stack

    def _changes(self, stack: str) -> dict[str, object]:
        return self.changes.setdefault(stack, {})

    def _value(self, stack: str, rest: list[str], options: dict[str, str]) -> object:
        if "path" not in options:
            return rest[1]
        key = _key(rest[0])
        full = key if ":" in key else f"{NAME}:{key}"
        kept = json.loads(stack_configuration(stack, self._changes(stack)).get(full, "null"))
        return _put(kept, re.findall(r"\[(\d+)\]|\.([\w-]+)", rest[0]), rest[1])


def sequences() -> Iterator[tuple[str, list[Command]]]:
    """The commands under each heading of each document, in their order."""
    for document in DOCUMENTS:
        name = document.relative_to(REPOSITORY).as_posix()
        for heading, text in _sections(document):
            commands = [
                Command(arguments, name, heading) for line in COMMAND.findall(text) for arguments in _commands(line)
            ]
            if commands:
                yield f"{name}, {heading}", commands


def _sections(document: Path) -> Iterator[tuple[str, str]]:
    parts = re.split(r"^#+ (.+)$", document.read_text(), flags=re.MULTILINE)
    yield from zip(parts[1::2], parts[2::2], strict=True)


def _commands(line: str) -> Iterator[tuple[str, ...]]:
    """One line may hold several, and a comment."""
    for placeholder, value in PLACEHOLDERS.items():
        line = re.sub(rf"(?<![\w-]){placeholder}(?![\w-])", value, line)
    arguments: list[str] = []
    for word in [*shlex.split(line, comments=True), ";"]:
        if word.endswith(";"):
            arguments += [word[:-1]] if word != ";" else []
            if arguments and arguments[0] == "pulumi" and "…" not in arguments:
                yield tuple(arguments[1:])
            arguments = []
        else:
            arguments.append(word)


def _parsed(arguments: tuple[str, ...]) -> tuple[dict[str, str], list[str]]:
    """Options by name, without a value where they are switches; and the rest."""
    options: dict[str, str] = {}
    rest: list[str] = []
    pending = iter(arguments)
    for word in pending:
        if word in ("--secret", "--path"):
            options[word[2:]] = ""
        elif word.startswith("--"):
            options[word[2:]] = next(pending)
        else:
            rest.append(word)
    return options, rest


def _key(path: str) -> str:
    return re.split(r"[.\[]", path)[0]


def _put(kept: Any, path: list[tuple[str, str]], value: str) -> Any:
    """A copy with the value at the path, as `config set --path` writes it."""
    if not path:
        return value
    (index, name), *deeper = path
    if index:
        entries = list(kept or [])
        found = entries[int(index)] if int(index) < len(entries) else None
        return [*entries[: int(index)], _put(found, deeper, value), *entries[int(index) + 1 :]]
    entry = dict(kept or {})
    return {**entry, name: _put(entry.get(name), deeper, value)}
