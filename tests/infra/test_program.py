"""The program as a whole: what it declares, deploys again, and hands to others."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pulumi
import pytest
from pulumi.output import Unknown
from tests.infra import google, snapshot
from tests.infra.deployment import REPOSITORY, Deployment, deploy, deployed, stack_configuration
from tests.infra.test_policies import KEYS

from utxoiq_infra import persistence
from utxoiq_infra.configuration.catalog import CONSOLE, FUNCTIONS, KEEPER
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.persistence import PersistenceLayer

FUNCTION = "cloudfunctionsv2/function:Function"
GRANT = "projects/iAMMember:IAMMember"
OBJECT = "storage/bucketObject:BucketObject"


def sources(deployment: Deployment) -> dict[str, str]:
    """Of each function, the name of the object that it is built from."""
    return {found.name: found["buildConfig.source.storageSource.object"] for found in deployment.all(FUNCTION)}


@pytest.mark.parametrize("stack", snapshot.STACKS)
def test_nothing_changes_by_accident(stack: str) -> None:
    """If this change is meant: `make snapshots`, and have the difference reviewed."""
    assert snapshot.render(deployed(stack)) == (snapshot.FOLDER / f"{stack}.txt").read_text()


@pytest.mark.parametrize("changes", [{}, {"domain": "api.utxoiq.com", "replicaRegion": "us-west1"}])
def test_a_first_preview_of_which_nothing_is_known_yet_shows_every_resource(changes: dict[str, object]) -> None:
    previewed, made = deploy("prod", changes, preview=True), deployed("prod", changes)
    assert {found.urn for found in previewed.resources} == {found.urn for found in made.resources}
    assert isinstance(previewed.all("cloudscheduler/job:Job")[0]["httpTarget.uri"], Unknown)


def test_deploying_again_changes_no_function() -> None:
    first, second = (
        {found.name: found.inputs for found in one.all(FUNCTION)} for one in (deployed("prod"), deploy("prod"))
    )
    assert first == second


def test_functions_are_built_from_the_archives_that_are_uploaded() -> None:
    deployment = deployed("prod")
    uploaded = {found.inputs["name"] for found in deployment.all(OBJECT)}
    assert set(sources(deployment).values()) == uploaded


def test_a_changed_module_makes_a_new_archive_and_a_new_deployment(tmp_path: Path) -> None:
    for folder in ("functions", "sql", "migrations", "docs"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    path = tmp_path / "functions/utxoiq_http/endpoints/metrics.py"
    path.write_text(path.read_text() + "\n")
    configuration = Configuration(project="utxoiq-prod", stack="prod")

    def changed() -> None:
        PersistenceLayer("utxoiq-prod", configuration, tmp_path)

    before, after = sources(deployed("prod")), sources(deploy("prod", run=changed))
    assert {name for name in before if before[name] != after[name]} == {"utxoiq-prod-metrics"}


def test_new_migrations_are_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    def trigger(deployment: Deployment) -> str:
        (migration,) = (found for found in deployment.resources if found.type.endswith(":Migration"))
        return str(migration["trigger"])

    before = trigger(deployed("prod"))
    assert trigger(deploy("prod")) == before
    monkeypatch.setattr(persistence, "build_trigger", lambda *parts: f"another of {len(parts)}")
    assert trigger(deploy("prod")) != before


def test_the_components_work_in_another_program() -> None:
    def another() -> None:
        configuration = Configuration(project="someones-project", stack="theirs", region="europe-west1")
        layer = PersistenceLayer("utxoiq-theirs", configuration, REPOSITORY)
        pulumi.export("feedback", layer.functions["feedback"].url)

    deployment = deploy("prod", run=another)
    url = "https://europe-west1-someones-project.cloudfunctions.net/utxoiq-theirs-feedback"
    assert deployment.outputs["feedback"] == url


def test_stacks_of_one_project_share_no_names() -> None:
    names = []
    for stack in ("prod", "blue"):
        project = {"gcp:project": "one-project", "auditLogs": stack == "prod"}
        named = (found for found in deploy(stack, project).google() if found.type != "gcp:projects/service:Service")
        names.append({(found.type, found.name) for found in named})
    assert not names[0] & names[1]


def test_functions_get_all_that_they_read_from_the_environment() -> None:
    deployment = deployed("prod")
    for spec in FUNCTIONS:
        function = deployment.named(FUNCTION, f"utxoiq-prod-{spec.name}")
        variables = function["serviceConfig.environmentVariables"]
        assert variables["FUNCTION_USE_ASGI"] == "true"
        assert not {"K_SERVICE", "PORT"} & variables.keys(), "set by the platform"
        if spec == CONSOLE:
            continue
        if spec == KEEPER:
            assert not {"DB_USER", "DB_INSTANCE", "REDIS_HOST"} & variables.keys(), (
                "it has backups expire, and reads no row"
            )
            continue
        assert variables["DB_USER"] == f"utxoiq-prod-{spec.name}@utxoiq-prod.iam"
        assert variables["DB_INSTANCE"] == "utxoiq-prod:us-central1:utxoiq-prod"


def test_the_console_is_told_of_every_resource_that_it_shows() -> None:
    variables = deployed("prod").named(FUNCTION, "utxoiq-prod-console")["serviceConfig.environmentVariables"]
    shown = {one["id"]: one for one in json.loads(variables["RESOURCES"])}
    assert {spec.name for spec in FUNCTIONS} <= shown.keys()
    assert all(set(one["uses"]) <= shown.keys() for one in shown.values())
    assert shown["feedback"]["health"] == "https://utxoiq-prod-feedback-abc-uc.a.run.app/health"
    assert shown["migrate"].get("health") is None


@pytest.mark.parametrize(
    ("changes", "url", "health"),
    [
        ({}, "https://utxoiq-prod-feedback-abc-uc.a.run.app", "/health"),
        ({"egressListed": False}, "https://api.utxoiq.com", "/health/feedback"),
    ],
    ids=["from within the network", "reaching every host"],
)
def test_behind_a_balancer_the_console_asks_where_it_may(changes: dict[str, object], url: str, health: str) -> None:
    deployment = deployed("prod", {"domain": "api.utxoiq.com", **changes})
    variables = deployment.named(FUNCTION, "utxoiq-prod-console")["serviceConfig.environmentVariables"]
    (feedback,) = (one for one in json.loads(variables["RESOURCES"]) if one["id"] == "feedback")
    assert (feedback["url"], feedback["health"]) == (url, url + health)


def test_a_stack_may_have_no_console() -> None:
    assert not [found.name for found in deployed("prod", {"console": False}).google() if "console" in found.name]


def test_the_outputs_answer_what_a_deployer_asks() -> None:
    outputs = deployed("prod", {"domain": "api.utxoiq.com"}).outputs
    assert set(outputs["functions"]) == {spec.name for spec in FUNCTIONS}
    assert outputs["database_connection_name"] == "utxoiq-prod:us-central1:utxoiq-prod"
    assert outputs["base_url"] == "https://api.utxoiq.com"
    assert outputs["first_key_command"].startswith("pulumi stack output ")
    assert outputs["dashboard"].startswith("https://console.cloud.google.com/")


def balancer_default(changes: dict[str, object]) -> tuple[str, str]:
    """Which backend gets the domain's paths that are no function's, and which gets other hosts."""
    deployment = deployed("prod", {"domain": "api.utxoiq.com", **changes})
    (routes,) = (found for found in deployment.all("compute/uRLMap:URLMap") if found["pathMatchers"])
    return routes["pathMatchers"][0]["defaultService"], routes["defaultService"]


def test_what_is_not_ours_goes_to_the_configured_service_behind_the_same_rules() -> None:
    ours, elsewhere = balancer_default({})
    assert ours == elsewhere
    others, elsewhere = balancer_default({"fallbackService": "old-api"})
    assert (others != ours, elsewhere) == (True, ours)
    deployment = deployed("prod", {"domain": "api.utxoiq.com", "fallbackService": "old-api"})
    group = deployment.named("compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup", "utxoiq-prod-fallback")
    assert group["cloudRun.service"] == "old-api"
    backend = deployment.named("compute/backendService:BackendService", "utxoiq-prod-fallback")
    assert backend["securityPolicy"] == deployment.all("compute/backendService:BackendService")[0]["securityPolicy"]


PERSON = {"breakGlass": "me@example.com", "breakGlassUntil": "2026-01-31T12:00:00Z"}


def test_nobody_logs_in_to_the_database_by_default() -> None:
    deployment = deployed("prod")
    assert {found["type"] for found in deployment.all("sql/user:User")} == {"CLOUD_IAM_SERVICE_ACCOUNT"}
    assert not [found for found in deployment.all(GRANT) if str(found["member"]).startswith("user:")]


def test_a_person_may_log_in_until_a_time_and_not_beyond_this_stack() -> None:
    deployment = deployed("prod", PERSON)
    (user,) = (found for found in deployment.all("sql/user:User") if found["type"] == "CLOUD_IAM_USER")
    assert (user["name"], user["databaseRoles"]) == ("me@example.com", ["cloudsqlsuperuser"])
    grants = [found for found in deployment.all(GRANT) if found["member"] == "user:me@example.com"]
    roles = {found["role"] for found in grants}
    assert {"roles/cloudsql.client", "roles/cloudsql.instanceUser"} <= roles
    assert not {role for role in roles if role.endswith((".admin", ".editor"))}
    for grant in grants:
        condition = str(grant["condition.expression"])
        assert condition.endswith('request.time < timestamp("2026-01-31T12:00:00Z")')
        assert "projects/utxoiq-prod/instances/utxoiq-prod" in condition or grant.name.endswith("-listing")
    migrate = deployment.named(FUNCTION, "utxoiq-prod-migrate")
    members = json.loads(migrate["serviceConfig.environmentVariables"]["DB_ROLE_MEMBERS"])
    assert members["utxoiq_import"] == "me@example.com"
    assert user in deployment.before(migrate)


LIMITS = {
    ("serviceaccount/account:Account", "accountId"): 30,
    ("sql/user:User", "name"): 63,
    ("sql/databaseInstance:DatabaseInstance", "name"): 98 - 30,  # with the project's id
    ("storage/bucket:Bucket", "name"): 63,
    ("redis/instance:Instance", "name"): 40,
    ("compute/network:Network", "name"): 63,
    ("compute/subnetwork:Subnetwork", "name"): 63,
    (FUNCTION, "name"): 49,  # of its Cloud Run service
    ("artifactregistry/repository:Repository", "repositoryId"): 63,
    ("secretmanager/secret:Secret", "secretId"): 255,
    ("projects/iAMCustomRole:IAMCustomRole", "roleId"): 64,
    ("logging/metric:Metric", "name"): 100,
    ("logging/projectBucketConfig:ProjectBucketConfig", "bucketId"): 100,
}


def test_the_longest_names_are_within_googles_limits() -> None:
    deployment = deploy("staging-eu1", {"gcp:project": "acme-blockchain-analytics-prod", "domain": "api.utxoiq.com"})
    for (type_, key), limit in LIMITS.items():
        names = [found[key] for found in deployment.all(type_)]
        assert names, type_
        assert [name for name in names if len(name.encode()) > limit] == [], type_


def secrets_of(keys: Mapping[str, object]) -> dict[str, str]:
    """The names of the secrets that functions mount, which all are there, by those that the program knows them by."""
    deployment = deployed("prod", keys)
    names = {found.name: str(found["secretId"]) for found in deployment.all("secretmanager/secret:Secret")}
    granted = {str(found["secretId"]) for found in deployment.all("secretmanager/secretIamMember:SecretIamMember")}
    mounted = {
        str(one["secret"])
        for found in deployment.all(FUNCTION)
        for one in found["serviceConfig.secretEnvironmentVariables"] or []
    }
    assert mounted == granted == set(names.values())
    return names


def test_secrets_under_other_keys_have_other_names() -> None:
    """So that Pulumi makes one, and leads functions to it, before it deletes the other, whose keys nothing changes."""
    plain = secrets_of({})
    assert plain == {name: name for name in plain}
    respelt = {name: f"{key}-2" for name, key in KEYS.items()}
    variants = [KEYS, {**KEYS, "kmsKey": respelt["kmsKey"]}, {**KEYS, "backupKmsKey": respelt["backupKmsKey"]}]
    named = [plain, *map(secrets_of, variants)]
    assert all(found.keys() == plain.keys() for found in named)
    assert all(len({found[name] for found in named}) == len(named) for name in plain)
    assert secrets_of(KEYS) == named[1]


NUMBERED: dict[str, object] = {
    "alertTopic": "projects/p/topics/alerts",
    "budget": 900,
    "billingAccount": "012345-6789AB-CDEF01",
}


@pytest.mark.parametrize("number", [None, "123456789013"])
def test_the_projects_number_is_asked_for_only_where_it_is_not_configured(
    number: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if number:
        monkeypatch.delitem(google.CALLS, "gcp:organizations/getProject:getProject")
    deployment = deployed("prod", {**NUMBERED, "projectNumber": number})
    expected = number or "123456789012"
    (grant,) = deployment.all("pubsub/topicIAMMember:TopicIAMMember")
    (budget,) = deployment.all("billing/budget:Budget")
    assert f"service-{expected}@" in grant["member"]
    assert budget["budgetFilter.projects"] == [f"projects/{expected}"]


def test_a_deployer_is_allowed_to_call_migrate_as_its_account() -> None:
    deployment = deployed("prod", {"deployer": "user:me@example.com"})
    (grant,) = deployment.all("serviceaccount/iAMMember:IAMMember")
    assert grant["member"] == "user:me@example.com"
    assert grant["serviceAccountId"].endswith(deployment.outputs["deployer_account"])


@pytest.mark.parametrize("stack", ["local", "dev", "prod"])
def test_unsafe_choices_are_written_in_the_stacks_own_file(stack: str) -> None:
    """The schema's defaults are the safe ones."""
    unsafe = {"deletionProtection": "false", "cacheEncryption": "false"}
    values = stack_configuration(stack, {})
    chosen = {key for key, value in unsafe.items() if values[f"utxoiq-persistence:{key}"] == value}
    written = (REPOSITORY / f"Pulumi.{stack}.yaml").read_text()
    assert all(f"{key}: false" in written for key in chosen)
    assert not (chosen and stack == "prod")
