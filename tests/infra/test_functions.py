"""A function group is complete: whatever of it was forgotten is named here."""

import re
from importlib import import_module

import pytest
from tests.infra.deployment import REPOSITORY

from utxoiq_http.routes import Route
from utxoiq_infra.configuration.catalog import BACKUP, ENDPOINTS, FUNCTIONS, RETENTION, FunctionSpec
from utxoiq_infra.monitoring.alert_table import SERVING

# Those that no limit of latency is for: they move data, and take the time that takes.
MOVING = (RETENTION, BACKUP)
SCHEMA = (REPOSITORY / "migrations/schema.sql").read_text()
each_endpoint = pytest.mark.parametrize("spec", ENDPOINTS, ids=lambda spec: spec.name)


def routes(spec: FunctionSpec) -> tuple[Route[object], ...]:
    found: tuple[Route[object], ...] = import_module(f"utxoiq_http.endpoints.{spec.name}").ROUTES
    return found


def test_the_catalog_has_every_folder_and_no_other() -> None:
    folders = {path.parent.name for path in (REPOSITORY / "functions").glob("*/main.py")}
    assert folders == {spec.name for spec in FUNCTIONS}


@each_endpoint
def test_a_function_answers_under_its_own_paths_only(spec: FunctionSpec) -> None:
    """The base URL would lead a request for any other path elsewhere, or nowhere."""
    for route in routes(spec):
        assert any(route.path == path or route.path.startswith(f"{path}/") for path in spec.paths), route.path


def test_no_function_takes_paths_of_another() -> None:
    paths = [path for spec in ENDPOINTS for path in spec.paths]
    for path in paths:
        assert [other for other in paths if f"{other}/".startswith(f"{path}/")] == [path]


@each_endpoint
def test_a_function_has_a_group_role_with_rights(spec: FunctionSpec) -> None:
    assert re.search(rf"^GRANT .* TO utxoiq_{spec.name};$", SCHEMA, re.MULTILINE), (
        f"no migration grants anything to the role utxoiq_{spec.name}, of which the function's user becomes a member"
    )


@each_endpoint
def test_a_function_is_watched_by_the_alerts_on_latency_or_moves_data(spec: FunctionSpec) -> None:
    assert (spec in SERVING) != (spec in MOVING)
