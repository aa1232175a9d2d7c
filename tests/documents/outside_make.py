"""The environment of a shell that is not within `make`, as the tests are where `make test` runs them."""

import os
import re

from commands.stack import REPOSITORY

# What `make` tells those that it runs of itself. A `make` below it would take options and variables from there.
_OF_MAKE = {"MAKELEVEL", "MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES"}
# A target's help names the variables that its user sets; `make` passes on those that it was given.
_HELP = re.compile(r"^[a-z-]+:.*## (.*)$", re.MULTILINE)
_VARIABLE = re.compile(r"\b([A-Z]+)=")


def environment_outside_make() -> dict[str, str]:
    """Return this process's environment without what a `make` around it hands down: variables of its users, too."""
    variables = {
        name for text in _HELP.findall((REPOSITORY / "Makefile").read_text()) for name in _VARIABLE.findall(text)
    }
    return {name: value for name, value in os.environ.items() if name not in _OF_MAKE | variables}
