"""`preview` and `deploy`: a stack on Google Cloud, by the Pulumi CLI."""

import argparse
from pathlib import Path
from typing import Any

from commands.output import Output
from commands.parser import CommandParser, filled
from commands.stack import REPOSITORY

PREVIEW = """\
Check what a deployment needs, and show what it would change and what that costs a month more:

  make preview STACK=prod
"""
DEPLOY = """\
Check, show and ask as `preview` does, deploy, and look whether every function is healthy:

  make deploy STACK=prod
"""


def add_to(parser: CommandParser) -> None:
    """Add the commands."""
    previewing = parser.add_command(
        "preview", "show what `deploy` would change, and what that costs", _preview, PREVIEW
    )
    _add_options(previewing)
    deploying = parser.add_command("deploy", "deploy a stack on Google Cloud, and verify it", _deploy, DEPLOY)
    _add_options(deploying)
    deploying.add_argument("--yes", action="store_true", help="deploy without asking, as a pipeline does")


def _add_options(parser: CommandParser) -> None:
    parser.add_argument("--stack", type=filled, required=True, help="as `pulumi stack ls` names it")
    parser.add_argument("--project", type=Path, default=REPOSITORY, help="folder of Pulumi.yaml")
    parser.add_argument("--offline", action="store_true", help="do not ask Google what the project has")


def _preview(given: argparse.Namespace, output: Output) -> Any:
    from commands.deploy import deployment  # half a second of imports that few other commands need

    return deployment.preview(deployment.select(given.project, given.stack, given.offline), output)


def _deploy(given: argparse.Namespace, output: Output) -> Any:
    from commands.deploy import deployment

    return deployment.deploy(deployment.select(given.project, given.stack, given.offline), output, given.yes)
