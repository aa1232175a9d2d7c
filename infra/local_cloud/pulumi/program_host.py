"""Runs a Pulumi program in this process, as `pulumi-language-python-exec` does, against the engine it is told of.

The environment names it all: LOCAL_PROGRAM holds JSON of Host's fields, PULUMI_CONFIG the configuration.
"""

import asyncio
import gc
import json
import logging
import os
import runpy
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pulumi
from pulumi.runtime import Settings, configure, run_in_stack

from local_cloud.pulumi.settling import run_and_settle

VARIABLE = "LOCAL_PROGRAM"
# Registrations block a thread each until the real thing is up.
PARALLEL = 256


@dataclass(frozen=True)
class Host:
    """What the program is to know.

    address: of the engine and monitor. program: the folder of __main__.py; root: of Pulumi.yaml.
    """

    address: str
    project: str
    stack: str
    root: str
    program: str


def main() -> int:
    """Run the program that LOCAL_PROGRAM describes, and return the exit status."""
    host = Host(**json.loads(os.environ.pop(VARIABLE)))
    configure(
        Settings(
            project=host.project,
            stack=host.stack,
            monitor=host.address,
            engine=host.address,
            parallel=PARALLEL,
            dry_run=False,
            organization="organization",
            root_directory=host.root,
        )
    )
    drop_debugging()
    os.chdir(host.program)
    sys.argv = [host.program]
    # asyncio's words on outputs that nobody awaited, once something else has failed, would hide what failed.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        asyncio.run(_run(host))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return 1
    except Exception as error:
        pulumi.log.error(f"the program failed:\n{_trace(error, host.program)}")
        return 1
    return 0


def drop(*_: object, **__: object) -> None:
    """Do nothing with a message for debugging."""


def drop_debugging() -> None:
    """Have the SDK drop its messages for debugging, as the engine does: to send them takes a sixth of the program."""
    pulumi.log.debug = drop


def _trace(error: Exception, program: str) -> str:
    """From the program's own first line on."""
    frame = error.__traceback__
    while frame is not None and not frame.tb_frame.f_code.co_filename.startswith(program):
        frame = frame.tb_next
    return "".join(traceback.format_exception(type(error), error, frame or error.__traceback__))


async def _run(host: Host) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(PARALLEL))

    def program() -> None:
        runpy.run_path(host.program, run_name="__main__")

    await run_in_stack(lambda: run_and_settle(program))


if __name__ == "__main__":
    # The process ends with the program, which drops little before: the collector would take half of its time.
    gc.disable()
    sys.exit(main())
