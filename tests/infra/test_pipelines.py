"""The workflows that the documents show can be copied: they parse, and run commands that there are."""

import re
import subprocess

import yaml
from tests.documents.outside_make import environment_outside_make
from tests.infra.deployment import REPOSITORY

TEXT = (REPOSITORY / "docs/ci.md").read_text()
FILES = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)]


def commands() -> list[str]:
    """What the workflows run."""
    jobs = [job for file in FILES for job in (file.get("jobs") or {"": file.get("runs")}).values()]
    steps = [step for job in jobs for step in job["steps"]]
    return [step["run"] for step in steps if "run" in step]


def test_there_is_an_action_and_three_workflows() -> None:
    assert [file["name"] for file in FILES] == ["pulumi", "preview", "deploy", "drift"]


def test_no_workflow_may_do_more_than_it_needs() -> None:
    assert all(file["permissions"] == {"contents": "read", "id-token": "write"} for file in FILES[1:])


def test_every_target_of_make_exists() -> None:
    targets = {target for command in commands() for target in re.findall(r"make ([\w./-]+)", command)}
    assert targets == {".venv/installed", "lint", "preview", "deploy"}
    for target in targets:
        command = ["make", "--dry-run", target, "STACK=prod"]
        environment = environment_outside_make()
        made = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, check=False)
        assert made.returncode == 0, made.stderr
