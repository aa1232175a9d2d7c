"""Waits for all that a Pulumi program has begun.

Pulumi waits for it as well, and looks through all of it whenever one part is known: a fifth of what a program takes.
"""

import asyncio
from collections.abc import Callable

from pulumi.runtime.settings import SETTINGS


async def run_and_settle(program: Callable[[], None]) -> None:
    """Run the program, and return once each output is known or one has failed. What failed is Pulumi's to raise."""
    program()
    while pending := [output for output in SETTINGS.outputs if not output.done()]:
        done, _ = await asyncio.wait(pending, return_when=asyncio.FIRST_EXCEPTION)
        if any(output.cancelled() or output.exception() for output in done):
            return
