"""The program: finds the command, runs it, and ends in an exit code and words, never in a traceback."""

import os
import sys
from collections.abc import Sequence

import commands
from commands.archive import command as archive
from commands.demo import command as demo
from commands.deploy import command as deploy
from commands.errors import CommandFailed, ExitCode
from commands.keys import command as keys
from commands.moving import command as moving
from commands.output import Output
from commands.parser import EXIT_CODES, SHARED_DEFAULTS, CommandParser, add_shared_options
from commands.recover import command as recover

# Set by whoever mends the program itself.
TRACEBACK = "COMMANDS_TRACEBACK"


def build_parser() -> CommandParser:
    """Return the parser of the whole program."""
    parser = CommandParser(prog="commands", description=commands.__doc__, epilog=EXIT_CODES)
    parser.inherit(add_shared_options, SHARED_DEFAULTS)
    for part in (recover, keys, archive, moving, demo, deploy):
        part.add_to(parser)
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    output = Output(as_json="--json" in arguments)
    try:
        given = build_parser().parse_args(arguments)
        output.result(given.run(given, output))
        sys.stdout.flush()
    except CommandFailed as failure:
        output.error(failure)
        return int(failure.code)
    except KeyboardInterrupt:
        output.error(CommandFailed("stopped by Ctrl-C", code=ExitCode.INTERRUPTED))
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # Whoever reads has enough, as `head` does; the interpreter would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.FAILED)
    except Exception as fault:
        if TRACEBACK in os.environ:
            raise
        output.error(
            CommandFailed(
                f"a fault of this program: {type(fault).__name__}: {fault}",
                remedy=f"Please report it, with what {TRACEBACK}=1 in the environment makes it print.",
            )
        )
        return int(ExitCode.FAILED)
    return int(ExitCode.DONE)
