"""What is added in one place and forgotten in another is named: routes, functions, paths, variables, Google's APIs."""

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.infra.deployment import deployed
from tests.infra.test_program import FUNCTION
from tests.integration.http.functions import PREFIXES

from local_cloud.processes.function_process import RESERVED
from local_cloud.resources import functions as local_functions
from utxoiq_console import documentation, resources
from utxoiq_http.routes import Call
from utxoiq_http.system_document import endpoint_modules, system_routes
from utxoiq_infra.configuration.catalog import ENDPOINTS, FUNCTIONS, MIGRATE
from utxoiq_infra.monitoring.alert_table import SERVING

REPOSITORY = Path(__file__).parents[2]
SOURCES = REPOSITORY / "functions"
ENDPOINTS_PACKAGE = "utxoiq_http.endpoints"
# They serve what all functions have.
OF_ALL = {"utxoiq_http.endpoints.system"}
# Variables of a function's environment that neither the program nor the local deployer sets, and why.
UNSET = {
    "BACKUP_VERIFICATION_TIER": "of the copy that a backup is restored to; the smallest that fits is the default",
}
# Where Google's client libraries are led to a local part, by what imports or builds them.
LED = {
    "google.cloud.storage": "STORAGE_EMULATOR_HOST",
    "google.cloud.monitoring_v3": "CLOUD_MONITORING_ENDPOINT",
    "google.cloud.sql": "CLOUD_SQL_SOCKET_DIR",
    "sqladmin": "CLOUD_SQL_ADMIN_ENDPOINT",
    "monitoring": "GOOGLE_APIS_ENDPOINT",
    "logging": "GOOGLE_APIS_ENDPOINT",
    "cloudscheduler": "GOOGLE_APIS_ENDPOINT",
    "cloudtrace": "GOOGLE_APIS_ENDPOINT",
}


def folders() -> set[str]:
    return {main.parent.name for main in SOURCES.glob("*/main.py")}


def served_by(function: str) -> dict[str, Any]:
    """The routes of the endpoint module that its main.py imports, by their method and path."""
    routes: dict[str, Any] = {}
    for node in ast.walk(ast.parse((SOURCES / function / "main.py").read_bytes())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{ENDPOINTS_PACKAGE}."):
            module = import_module(node.module or "")
            routes |= {f"{route.method} {route.path}": route for route in getattr(module, "ROUTES", ())}
    return routes


def routed(path: str) -> str:
    """The function that the catalog has a path led to."""
    fitting = [(len(start), spec.name) for spec in ENDPOINTS for start in spec.paths if path.startswith(start)]
    return max(fitting)[1] if fitting else MIGRATE.name


def test_every_handler_has_a_route() -> None:
    handlers = {
        f"{module.__name__}.{name}": function
        for module in endpoint_modules()
        for name, function in inspect.getmembers(module, inspect.iscoroutinefunction)
        if function.__module__ == module.__name__ and module.__name__ not in OF_ALL and takes_a_call(function)
    }
    private = {route.handler for module in endpoint_modules() for route in getattr(module, "PRIVATE_ROUTES", ())}
    routes = private | {route.handler for route in system_routes()}
    assert not {name for name, function in handlers.items() if function not in routes}
    assert len(handlers) > 30


def takes_a_call(function: Any) -> bool:
    return any(getattr(hint, "__origin__", None) is Call for hint in inspect.get_annotations(function).values())


def test_every_route_is_served_by_the_function_that_its_path_leads_to() -> None:
    served = {function: served_by(function) for function in folders()}
    missing = {
        name
        for route in system_routes()
        if route.identified and (name := f"{route.method} {route.path}") not in served[routed(route.path)]
    }
    assert not missing


def test_every_function_is_in_the_catalog() -> None:
    assert folders() == {spec.name for spec in FUNCTIONS}


def test_requests_of_the_tests_go_where_the_catalog_leads_them() -> None:
    assert {prefix: routed(prefix) for prefix in PREFIXES} == PREFIXES


def test_requests_of_the_tests_reach_every_function_that_moves_no_data() -> None:
    """Those that move data need more than a database and Redis, and have tests of their own."""
    assert set(PREFIXES.values()) == {spec.name for spec in SERVING}


def test_the_console_shows_every_operation_that_a_client_may_call() -> None:
    variables = variables_of("console")
    shown = documentation.operations(resources.read(variables["RESOURCES"]))
    listed = {f"{one.method} {one.path}": [function.id for function in one.functions] for one in shown.values()}
    wanted = {f"{route.method} {route.path}": route for route in system_routes() if route.path != "/"}
    assert listed.keys() == wanted.keys()
    for name, route in wanted.items():
        if route.identified:
            assert listed[name] == [routed(route.path)]


@cache
def program() -> Any:
    return deployed("prod")


def variables_of(function: str) -> Mapping[str, str]:
    properties = program().named(FUNCTION, f"utxoiq-prod-{function}")
    secrets = properties["serviceConfig.secretEnvironmentVariables"] or []
    return {**properties["serviceConfig.environmentVariables"], **{one["key"]: "" for one in secrets}}


def test_whatever_a_function_reads_of_its_environment_is_set_somewhere() -> None:
    declared = {name for spec in FUNCTIONS for name in variables_of(spec.name)}
    optional = set(re.findall(r'"([A-Z][A-Z_]+)":', (REPOSITORY / "infra/utxoiq_infra/persistence.py").read_text()))
    platform = platform_variables()
    defaults = {name for name, has_default in variables_read().items() if has_default}
    missing = variables_read().keys() - declared - optional - platform - RESERVED - defaults - UNSET.keys()
    assert not missing
    assert not {name for name in platform if name not in variables_read() and name not in set(LED.values())}


def variables_read() -> dict[str, bool]:
    """What is read of an environment, and whether there is a value where it is not set."""
    found: dict[str, bool] = {}
    for file in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Call) and (name := _variable(node)):
                found[name] = found.get(name, True) and len(node.args) > 2
    return found


def _variable(call: ast.Call) -> str | None:
    """The variable that a call reads: `environment.get(name…)`, or a function of ours that takes the environment."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) and call.func.attr == "get" else None
    taken = [*([owner] if owner is not None else []), *call.args]
    if len(taken) < 2 or not (isinstance(taken[0], ast.Name) and taken[0].id == "environment"):
        return None
    name = taken[1]
    return name.value if isinstance(name, ast.Constant) and isinstance(name.value, str) else None


def platform_variables() -> set[str]:
    """What the local deployer adds to a function's environment."""
    tree = ast.parse(inspect.getsource(local_functions._list_endpoints))
    texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return {text for text in texts if re.fullmatch(r"[A-Z][A-Z_]+", text)}


def test_every_client_of_google_is_led_to_a_local_part() -> None:
    used = set(clients())
    assert used == LED.keys()
    assert {LED[client] for client in used} <= platform_variables()


def clients() -> Iterator[str]:
    """Google's client libraries that functions import, and the APIs that they build one for."""
    for file in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("google.cloud"):
                yield from _packages(node)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "build":
                yield from (str(one.value) for one in node.args[:1] if isinstance(one, ast.Constant))
    yield from _names_of_apis()


def _packages(node: ast.ImportFrom) -> Iterator[str]:
    module = node.module or ""
    names = [f"{module}.{alias.name}" for alias in node.names] if module == "google.cloud" else [module]
    for name in names:
        yield ".".join(name.split(".")[:3])


def _names_of_apis() -> Iterator[str]:
    from utxoiq_console.google_apis import VERSIONS

    yield from VERSIONS
