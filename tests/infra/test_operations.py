"""What the operations' pages tell somebody to do exists: pages, endpoints, targets, jobs, configuration."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
from tests.infra.deployment import PROJECT, REPOSITORY

from utxoiq_infra.configuration.catalog import FUNCTIONS, SCHEDULES, Sizing

FOLDER = REPOSITORY / "docs/operations"
PAGES = sorted(FOLDER.rglob("*.md"))
PATHS = json.loads((REPOSITORY / "docs/openapi.json").read_text())["paths"].keys()
JOBS = {row.name for row in SCHEDULES}
NAMES = JOBS | {spec.name for spec in FUNCTIONS} | {"replica"}
TARGETS = set(re.findall(r"^([a-z-]+):.*##", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
# Of a function's sizing, of Google's resources, and of log lines.
OTHER_WORDS = {"concurrency", "diskAutoresize", "activationPolicy", "spanId"}


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


KEYS = set(PROJECT["config"]) | {camel(field.name) for field in fields(Sizing)} | OTHER_WORDS


def name_of(path: Path) -> str:
    return str(path.relative_to(FOLDER).with_suffix(""))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        assert "://" in target or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_endpoints_exist(page: Path) -> None:
    for path in re.findall(r"/api/v1/[\w/-]*\w(?![\w/…-])", page.read_text()):
        assert path in PATHS, path


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_targets_and_jobs_exist(page: Path) -> None:
    text = page.read_text()
    assert set(re.findall(r"(?:`|^\s*|&& )make ([a-z-]+)", text, re.MULTILINE)) <= TARGETS
    assert set(re.findall(r"JOB=([a-z-]+)", text)) <= JOBS
    assert set(re.findall(r"utxoiq-(?:\$STACK|local|prod|dev)-([a-z][a-z-]*[a-z])", text)) - NAMES <= {"redis"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_configuration_keys_exist(page: Path) -> None:
    named = set(re.findall(r"`(?:functions\.[<>\w]+\.)?([a-z]+[A-Z]\w+)(?:: \w+)?`", page.read_text()))
    assert named <= KEYS
