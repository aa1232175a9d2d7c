"""The command line: argparse, with errors raised instead of printed, and options that may stand at any level."""

import argparse
from argparse import SUPPRESS, ArgumentTypeError
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, NoReturn

from commands import stack
from commands.errors import MEANINGS, wrong_usage
from commands.output import Output

# Does what was asked, shows it, and returns the same as what JSON can say.
Run = Callable[[argparse.Namespace, Output], Any]
AddOptions = Callable[["CommandParser"], None]
# From PostgreSQL's, which 32 bits hold.
LARGEST = 2**31 - 1


class CommandParser(argparse.ArgumentParser):
    """A parser that knows its commands by name, and raises CommandFailed for a wrong command line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options)
        self.commands: dict[str, CommandParser] = {}
        self._inherited: list[AddOptions] = []
        self._adding: Any = None

    def error(self, message: str) -> NoReturn:
        """Raise CommandFailed."""
        raise wrong_usage(
            f"{self.prog}: {message.removeprefix('argument ')}", f"`{self.prog} --help` tells what it takes."
        )

    def inherit(self, add_options: AddOptions, defaults: Mapping[str, object]) -> None:
        """Add options that may be given here or after any command below. Called before those are added."""
        add_options(self)
        self.set_defaults(**defaults)
        self._inherited.append(add_options)

    def add_group(self, name: str, summary: str, description: str = "") -> "CommandParser":
        """Return the parser of a command that has commands of its own."""
        return self._add(name, summary, description)

    def add_command(self, name: str, summary: str, run: Run, description: str = "") -> "CommandParser":
        """Return the parser of a command that `run` does."""
        command = self._add(name, summary, description)
        command.set_defaults(run=run)
        return command

    def _add(self, name: str, summary: str, description: str) -> "CommandParser":
        if self._adding is None:
            self._adding = self.add_subparsers(
                required=True, metavar="COMMAND", title="commands", parser_class=CommandParser
            )
        command: CommandParser = self._adding.add_parser(
            name, help=summary, description=description or f"{summary[:1].upper()}{summary[1:]}.", epilog=EXIT_CODES
        )
        # Without a default of its own, an option that is left out here hides nothing that was given above.
        command.argument_default = SUPPRESS
        for add_options in self._inherited:
            add_options(command)
        command.argument_default = None
        command._inherited = list(self._inherited)
        self.commands[name] = command
        return command


EXIT_CODES = "exit codes:\n" + "\n".join(f"  {int(code):<4} {meaning}" for code, meaning in MEANINGS.items())


def add_shared_options(parser: CommandParser) -> None:
    """Add what every command takes."""
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of words and tables")
    parser.add_argument(
        "--stack-file",
        type=Path,
        metavar="FILE",
        help="the description of the running local system (default: stack.json in LOCAL_STATE or .local)",
    )


SHARED_DEFAULTS: Mapping[str, object] = {"json": False, "stack_file": stack.DESCRIPTION}


def moment(text: str) -> datetime:
    """Return a moment with its offset. Raises ArgumentTypeError."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a time; write one like 2026-03-01T12:30:00Z") from None
    if parsed.tzinfo is None:
        raise ArgumentTypeError(f"{text!r} lacks an offset; write it like 2026-03-01T12:30:00Z")
    return parsed


def day(text: str) -> date:
    """Return a day. Raises ArgumentTypeError."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a day; write one like 2026-03-01") from None


def count(text: str) -> int:
    """Return a whole number from 1. Raises ArgumentTypeError."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= LARGEST:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1 to {LARGEST}")
    return int(text)


def filled(text: str) -> str:
    """Return text that is not blank. Raises ArgumentTypeError."""
    if not text.strip():
        raise ArgumentTypeError("it is empty")
    return text
