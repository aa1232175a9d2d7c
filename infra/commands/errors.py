"""Errors that stop a command: a message for people and an exit code for scripts."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended. The one table of exit codes: help and docs/commands.md are held to it."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_RUNNING = 3
    REFUSED = 4
    INTERRUPTED = 130


MEANINGS = {
    ExitCode.DONE: "done",
    ExitCode.FAILED: "failed on its way, or was refused by the system; the message says what",
    ExitCode.USAGE: "the command line is wrong; nothing was done",
    ExitCode.NOT_RUNNING: "the system does not run, or does not answer",
    ExitCode.REFUSED: "credentials are missing, or do not suffice",
    ExitCode.INTERRUPTED: "stopped by Ctrl-C",
}


class CommandFailed(Exception):
    """Stops a command. `remedy` says what to do next, where the message alone does not."""

    def __init__(self, message: str, *, remedy: str = "", code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.code = code


def wrong_usage(message: str, remedy: str = "") -> CommandFailed:
    """Return the error for a command line that cannot be meant like that."""
    return CommandFailed(message, remedy=remedy, code=ExitCode.USAGE)
