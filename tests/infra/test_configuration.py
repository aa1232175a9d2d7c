"""What a stack may set, and what a wrong value says."""

import ast
import inspect
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count, pairwise, takewhile

import pulumi
import pytest
from croniter import croniter
from tests.infra.deployment import PROJECT, deploy, stack_configuration
from tests.infra.test_policies import KEYS

from utxoiq_infra import package
from utxoiq_infra.configuration.catalog import KEEPER, SCHEDULES
from utxoiq_infra.configuration.cron import longest_gap
from utxoiq_infra.configuration.settings import NAME, Configuration
from utxoiq_infra.configuration.stack import read
from utxoiq_infra.configuration.values import ConfigurationError, Values
from utxoiq_infra.monitoring.alert_table import lateness_limits
from utxoiq_persistence import schedules

OBJECTS = {"functions", "schedules"}
ANNOTATIONS = {"string": "str", "integer": "int", "boolean": "bool", "array": "list[str]"}


def configured(changes: Mapping[str, object], stack: str = "prod") -> Configuration:
    values = stack_configuration(stack, changes)
    return read(stack, Values(NAME, values), Values("gcp", values))


def test_the_schema_has_the_defaults_of_the_program() -> None:
    schema = {f"{NAME}:{key}": entry["default"] for key, entry in PROJECT["config"].items()}
    spelled = stack_configuration("prod", dict.fromkeys(stack_configuration("prod", {})) | schema)
    google = Values("gcp", {"gcp:project": "utxoiq-prod"})
    assert read("prod", Values(NAME, spelled), google) == Configuration(project="utxoiq-prod", stack="prod")


def test_the_schema_lists_every_key_that_the_program_reads() -> None:
    values = Values(NAME, {})
    read("prod", values, Values("gcp", {"gcp:project": "utxoiq-prod"}))
    assert values.asked - OBJECTS == set(PROJECT["config"])


def test_the_schema_describes_and_types_every_key() -> None:
    for key, entry in PROJECT["config"].items():
        assert entry["description"], key
        assert entry["type"] in ("string", "integer", "boolean", "array"), key


def test_the_package_takes_every_key_of_the_schema() -> None:
    """By its source: `tests/engine` asks Pulumi itself, which is not everywhere."""
    (arguments,) = (
        node
        for node in ast.parse(inspect.getsource(package)).body
        if isinstance(node, ast.ClassDef) and node.name == package.PersistenceLayerArgs.__name__
    )
    described = {
        package._camel(field.target.id): (ast.unparse(field.annotation), text.value.value)
        for field, text in pairwise(arguments.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
    }
    schema = {
        key: (f"{ANNOTATIONS[entry['type']]} | None", entry["description"]) for key, entry in PROJECT["config"].items()
    }
    expected = {key: entry for key, entry in schema.items() if key not in package.LEFT_OUT}
    assert {key: entry for key, entry in described.items() if key in schema} == expected
    assert described.keys() - expected.keys() == {"project", "stack", *OBJECTS}


@pytest.mark.parametrize("stack", ["local", "dev", "prod"])
def test_stack_files_are_valid(stack: str) -> None:
    assert configured({}, stack).stack == stack


WRONG: list[tuple[dict[str, object], str]] = [
    ({"gcp:project": None}, "gcp:project is None: set it to the id of the Google Cloud project"),
    ({"gcp:project": "Utxo IQ"}, "gcp:project is 'Utxo IQ'"),
    ({"projectNumber": "utxoiq-prod"}, "projectNumber is 'utxoiq-prod': set it to the project's number, not its id"),
    ({"regoin": "us-west1"}, "regoin is 'us-west1': there is no such key; did you mean region?"),
    ({"region": "Iowa"}, "region is 'Iowa': set it to a region"),
    ({"databaseTier": "n1-standard-1"}, "databaseTier is 'n1-standard-1'"),
    ({"databaseAvailability": "regional"}, "databaseAvailability is 'regional': set it to one of REGIONAL, ZONAL"),
    ({"databaseDiskGb": "many"}, "databaseDiskGb is 'many': set it to a whole number from 10"),
    ({"deletionProtection": "yes"}, "deletionProtection is 'yes': set it to true or false"),
    ({"operators": "a@example.com"}, "operators is 'a@example.com': set it to an array of strings"),
    (
        {"operators": ["someone"]},
        "operators is 'someone': set it to an IAM member: user:…, group:… or serviceAccount:… with an email",
    ),
    ({"operators": ["domain:example.com"]}, "operators is 'domain:example.com': set it to an IAM member"),
    (
        {"userIssuer": "https://accounts.google.com"},
        "userIssuer is 'https://accounts.google.com': that is Google's own: every Google account would be a user",
    ),
    (
        {"userIssuer": "https://Accounts.google.com/"},
        "userIssuer is 'https://Accounts.google.com/': that is Google's own: every Google account would be a user",
    ),
    ({"labels": ["Team=x"]}, "labels is 'Team=x': write it as key=value"),
    ({"deployer": "me@example.com"}, "deployer is 'me@example.com': set it to an IAM member"),
    ({"userJwksUrl": "http://keys.example.com"}, "userJwksUrl is 'http://keys.example.com': set it to the https URL"),
    ({"domain": "https://api.utxoiq.com/"}, "domain is 'https://api.utxoiq.com/': set it to a host name"),
    ({"fallbackService": "old-api"}, "fallbackService is 'old-api': there is no load balancer: set domain as well"),
    (
        {"fallbackService": "https://old.example.com"},
        "fallbackService is 'https://old.example.com': set it to the name of a Cloud Run service",
    ),
    (
        {"fallbackService": "http://127.0.0.1:3001", "domain": "api.example.com"},
        "fallbackService is 'http://127.0.0.1:3001': a load balancer reaches Cloud Run services: name one",
    ),
    ({"breakGlass": "me@example.com"}, "breakGlass is 'me@example.com': it takes breakGlassUntil as well"),
    ({"breakGlassUntil": "2026-01-31T12:00:00Z"}, "breakGlass is '': it takes breakGlassUntil as well"),
    (
        {"breakGlass": "Me@example.com", "breakGlassUntil": "2026-01-31T12:00:00Z"},
        "breakGlass is 'Me@example.com': it is a database user's name: write it in lower case",
    ),
    (
        {"breakGlass": "me@example.com", "breakGlassUntil": "9999-01-31T12:00:00Z"},
        "breakGlassUntil is '9999-01-31T12:00:00Z': it is for an hour of need: set it to a time within 7 days",
    ),
    (
        {"breakGlass": "me@example.com", "breakGlassUntil": "2026-02-31T12:00:00Z"},
        "breakGlassUntil is '2026-02-31T12:00:00Z': there is no such time",
    ),
    ({"functionsRange": "10.8.0.0"}, "functionsRange is '10.8.0.0'"),
    ({"functionsRange": "8.8.8.0/24"}, "functionsRange is '8.8.8.0/24': set it to a range of private addresses"),
    ({"functions": {"feedbak": {}}}, "functions is '{\"feedbak\": {}}': set it to an object of objects, by the names"),
    ({"functions": {"feedback": {"maxInstance": 3}}}, "functions.feedback:maxInstance is '3': there is no such key"),
    ({"functions": {"feedback": {"minInstances": 9}}}, "functions.feedback:minInstances is '9': set it to at most"),
    ({"functions": {"feedback": {"cpu": "0.5"}}}, "functions.feedback:cpu is '0.5': less than one CPU"),
    ({"schedules": {"publish-metrics": "every minute"}}, "schedules:publish-metrics is 'every minute': set it to five"),
    ({"schedules": {"publish-metrics": "61 * * * *"}}, "schedules:publish-metrics is '61 * * * *'"),
    ({"schedules": {"publish": "* * * * *"}}, "schedules is"),
    ({"figuresSeconds": "0"}, "figuresSeconds is '0': set it to a number from 0.1 to 60"),
    ({"traceSampling": "10%"}, "traceSampling is '10%': set it to a number from 0 to 1"),
    ({"runbookUrl": "wiki"}, "runbookUrl is 'wiki': set it to the https URL of docs/operations/alerts"),
    ({"notificationChannels": ["ops"]}, "notificationChannels is 'ops': set it to a channel's name such as projects/"),
    ({"alertPagerduty": "k" * 32}, "alertPagerduty is 'a secret': it is not encrypted: pulumi config set --secret"),
    # Each right, and wrong together.
    ({"backupRegion": "us-central1"}, "backupRegion is 'us-central1': the loss of that region"),
    (
        {"functions": {"feedback": {"maxInstances": 50}}},
        "databaseMaxConnections is '400': less databaseReservedConnections (20) it leaves 380, and the functions at "
        "full scale take",
    ),
    ({"functionsRange": "10.8.0.0/27"}, "functionsRange is '10.8.0.0/27': Direct VPC egress takes at least a /26"),
    (
        {
            "functionsRange": "10.8.0.0/26",
            "functions": {"keys": {"maxInstances": 40, "poolSize": 1, "poolOverflow": 0}},
        },
        "functionsRange is '10.8.0.0/26': it has 64 addresses",
    ),
    ({"functionsRange": "10.9.1.0/24"}, "functionsRange is '10.9.1.0/24': set it apart from servicesRange"),
    ({"servicesRange": "10.9.0.0/28"}, "servicesRange is '10.9.0.0/28': Cloud SQL and Memorystore take"),
    ({"databaseBackupsKept": 3}, "databaseRecoveryDays is '7': recovery starts from a backup"),
    ({"databaseMaintenanceHour": 3}, "databaseMaintenanceHour is '3': the backup is verified on Sundays"),
    (
        {"kmsKey": "projects/p/locations/us-east1/keyRings/r/cryptoKeys/k"},
        "kmsKey is 'projects/p/locations/us-east1/keyRings/r/cryptoKeys/k': what it encrypts takes a key of its own",
    ),
    ({"kmsKey": KEYS["kmsKey"]}, "backupKmsKey is '': kmsKey is set, and us-east1 holds data too: set it to a key"),
    ({"backupKmsKey": KEYS["backupKmsKey"]}, "kmsKey is '': backupKmsKey is set, and us-central1 holds data too"),
    (
        {**KEYS, "backupKmsKey": KEYS["kmsKey"]},
        "us-central1/keyRings/ring/cryptoKeys/key': what it encrypts takes a key of its own region: us-east1",
    ),
    (
        {"egressListed": False, "egressHosts": ["hooks.example.com"]},
        "functions reach every host: set egressListed to true, or leave this out",
    ),
    (
        {"userIssuer": "https://login.example.com", "userJwksUrl": "https://203.0.113.4/keys"},
        "userJwksUrl is 'https://203.0.113.4/keys': functions reach hosts that are listed by name, at port 443",
    ),
    ({"userJwksUrl": "https://login.example.com:8443/keys"}, "functions reach hosts that are listed by name"),
    (
        {**KEYS, "replicaRegion": "us-west1"},
        "replicaRegion is 'us-west1': kmsKey is no key of that region",
    ),
    ({"cacheReplicas": 2, "cacheTier": "BASIC"}, "cacheReplicas is '2': more than one takes cacheTier STANDARD_HA"),
    ({"metricsDays": 240}, "metricsDays is '240': metrics are archived with their month, after metricsHotDays (90)"),
    ({"functions": {"retention": {"timeoutSeconds": 60}}}, "functions.retention.timeoutSeconds is 60: the last 60"),
    (
        {"requestSeconds": 60},
        "requestSeconds is '60': Cloud Run ends a request after functions.backfill.timeoutSeconds (60)",
    ),
    ({"archiveRetentionDays": 300}, "archiveRetentionDays is '300': metrics leave the archive 244 days after"),
    ({"retentionLocked": True}, "retentionLocked is 'true': there is nothing to lock"),
    ({"backupsRetentionDays": 0}, "backupsLocked is 'true': there is nothing to lock"),
    ({"schedules": {"export": "0 * * * *"}}, "exportHours is '6': the schedule export has no single hour"),
    (
        {"functions": {"feedback": {"ingress": "balancer"}}},
        "functions.feedback.ingress is 'balancer': there is no load",
    ),
    ({"alertSlackChannel": "#alerts"}, "alertSlackChannel is '#alerts': it takes alertSlackToken as well"),
    ({"budget": 100}, "budget is '100': a budget belongs to a billing account"),
]


@pytest.mark.parametrize(("changes", "message"), WRONG, ids=[message.partition(":")[0] for _, message in WRONG])
def test_a_wrong_value_is_named_with_its_remedy(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        configured(changes)
    assert message in str(raised.value)


@pytest.mark.parametrize("stack", ["Prod", "a-stack-with-a-long-name", "ünder"])
def test_a_stack_name_that_fits_no_account_is_refused(stack: str) -> None:
    with pytest.raises(ConfigurationError, match=r"use at most 13 lower-case letters"):
        configured({}, stack)


def test_a_stack_and_a_project_whose_database_users_are_too_long_are_refused() -> None:
    project: dict[str, object] = {"gcp:project": "acme-blockchain-analytics-prod"}
    message = (
        "the stack's name is 'staging-eu-12': with the project acme-blockchain-analytics-prod it makes the database "
        "user utxoiq-staging-eu-12-retention@acme-blockchain-analytics-prod.iam, which has 65 bytes of 63: use at most "
        "11 characters"
    )
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        configured(project, "staging-eu-12")
    assert configured(project, "staging-eu1").stack == "staging-eu1"


def test_a_wrong_value_stops_the_program_before_any_resource() -> None:
    with pytest.raises(ConfigurationError, match="backupRegion") as raised:
        deploy("prod", {"backupRegion": "us-central1"})
    assert isinstance(raised.value, pulumi.RunError), "any other error ends in a traceback"


def test_a_schedule_and_a_function_can_be_changed_by_their_names() -> None:
    changes = {"schedules": {"publish-metrics": "*/5 * * * *"}, "functions": {"metrics": {"memoryMib": 1024}}}
    configuration = configured(changes)
    assert configuration.crons["publish-metrics"] == "*/5 * * * *"
    assert configuration.sizing["metrics"].memory_mib == 1024


@pytest.mark.parametrize("cron", ["* * * * *", "*/10 2,14 1-15 jan-mar mon-fri", "0 3 * * 0", "0-30/10 * * * sun"])
def test_crons(cron: str) -> None:
    assert configured({"schedules": {"publish-metrics": cron}}).crons["publish-metrics"] == cron


@pytest.mark.parametrize(
    "cron", ["", "* * * *", "60 * * * *", "5-1 * * * *", "*/0 * * * *", "* * 0 * *", "1/2 * * * *"]
)
def test_what_is_no_cron(cron: str) -> None:
    with pytest.raises(ConfigurationError, match="five fields"):
        configured({"schedules": {"publish-metrics": cron}})


@pytest.mark.parametrize(
    "cron",
    [
        "* * * * *",
        "*/5 * * * *",
        "0 2 * * *",
        "30 1,13 * * *",
        "0 2 * * 0",
        "*/30 3-9 * * sun",
        "0 0 1,15 * mon",
        "15 4 31 * *",
        "0 12 * jan-mar mon-fri",
        "0 3 * * 7",
    ],
)
def test_the_longest_time_between_two_runs_is_that_of_the_scheduler(cron: str) -> None:
    times = croniter(cron, datetime(2024, 1, 1, tzinfo=UTC))
    end = datetime(2024, 1, 16, tzinfo=UTC) if cron.startswith("*") else datetime(2026, 1, 1, tzinfo=UTC)
    fired = list(takewhile(lambda moment: moment < end, (times.get_next(datetime) for _ in count())))
    assert longest_gap(cron) == max((later - earlier).total_seconds() for earlier, later in pairwise(fired))


# The keeper has no database.
KEPT = [row.name for row in SCHEDULES if row.function != KEEPER]


def test_schedules_are_late_after_the_time_between_two_runs_and_two_attempts() -> None:
    usual = {names: limit for limit, names in lateness_limits(configured({}))}
    assert usual == {
        ("publish-metrics", "watch-backups", "sketch-metrics"): 300 + 2 * 60 + 600,
        ("partitions", "retention", "export"): 86_400 + 2 * 1800 + 600,
        ("continue-verification", "backup", "verify-backup"): 7 * 86_400 + 2 * 1800 + 600,
    }


def test_no_policy_has_more_conditions_than_google_takes() -> None:
    crons = {row.name: f"0 0 */{2 ** (number % 5)} {1 + number} *" for number, row in enumerate(SCHEDULES)}
    crons |= {"publish-metrics": "* * * * *", "sketch-metrics": "0 * * * *", "partitions": "0 */6 * * *"}
    limits = lateness_limits(configured({"schedules": crons}))
    assert len(limits) <= 6
    assert sorted(name for _, names in limits for name in names) == sorted(KEPT)


def test_each_schedule_is_one_whose_success_is_kept() -> None:
    assert set(KEPT) == set(schedules.SCHEDULES)
