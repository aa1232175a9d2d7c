"""Who may do what, and what is reachable from where."""

import json
import re
from collections.abc import Iterator

from tests.infra.deployment import Deployment, Resource
from tests.infra.google import REDIS_PASSWORD
from tests.infra.policies.rule import rule

from utxoiq_infra.configuration.catalog import (
    BACKUP,
    CONSOLE,
    ENDPOINTS,
    FEEDBACK,
    KEEPER,
    MIGRATE,
    RETENTION,
    SCHEDULES,
)

FUNCTION = "cloudfunctionsv2/function:Function"
INSTANCE = "sql/databaseInstance:DatabaseInstance"
INVOKER = "cloudrunv2/serviceIamMember:ServiceIamMember"
LOG_VIEW = "logging/logViewIamMember:LogViewIamMember"
EVERYBODY = {"allUsers", "allAuthenticatedUsers"}
# Each call that the console makes, by the permission that Google documents for it.
CONSOLE_MAY_TRACE = "cloudtrace.traces.get"
CONSOLE_MAY = {
    "cloudscheduler.jobs.list",
    "cloudscheduler.jobs.run",
    "monitoring.alertPolicies.get",
    "monitoring.alerts.list",
    "monitoring.snoozes.create",
    "monitoring.snoozes.list",
    "monitoring.snoozes.update",
    "monitoring.timeSeries.list",
    CONSOLE_MAY_TRACE,
}
READING_LOGS = "roles/logging.viewAccessor"
# On a whole project without a condition: writing log lines, points of metrics and traces, and lists; that is all.
UNCONDITIONAL = {"roles/logging.logWriter", "roles/cloudtrace.agent"}
# APIs that hold no data, and no rights: figures, names, networks. Changes of these are always logged.
WITHOUT_DATA = {
    "billingbudgets",
    "cloudtrace",
    "compute",
    "containerscanning",
    "dns",
    "monitoring",
    "servicenetworking",
    "telemetry",
}
# Whose logs are switched on by another name.
AUDITED_AS = {"sqladmin": "cloudsql", "iamcredentials": "iam"}
PUBLISHING = "monitoring.timeSeries.create"


def bindings(deployment: Deployment) -> list[Resource]:
    return [found for found in deployment.google() if "member" in found.inputs and "role" in found.inputs]


def flags(instance: Resource) -> dict[str, str]:
    return {flag["name"]: flag["value"] for flag in instance["settings.databaseFlags"]}


@rule
def only_the_endpoints_are_open_to_everybody(deployment: Deployment) -> Iterator[str]:
    open_ones = {f"utxoiq-{_stack(deployment)}-{spec.name}" for spec in ENDPOINTS if spec.open}
    for binding in bindings(deployment):
        invokes = binding.type == f"gcp:{INVOKER}" and binding["role"] == "roles/run.invoker"
        if binding["member"] in EVERYBODY and not (invokes and binding["name"] in open_ones):
            yield f"{binding.name} gives {binding['role']} to {binding['member']}"


@rule
def functions_leave_the_check_of_tokens_to_the_platform_only_where_it_checks(deployment: Deployment) -> Iterator[str]:
    open_ones = {found["name"] for found in deployment.all(INVOKER) if found["member"] in EVERYBODY}
    for function in deployment.all(FUNCTION):
        left = function["serviceConfig.environmentVariables"].get("CALLERS_CHECKED_BY_PLATFORM") == "true"
        if left and function.name in open_ones:
            yield f"{function.name} believes whatever a token says of itself"


@rule
def maintenance_is_called_by_the_scheduler_operators_and_uptime_checks(deployment: Deployment) -> Iterator[str]:
    listed = json.loads(deployment.configuration.get("utxoiq-persistence:operators", "[]"))
    allowed = {
        *(member if ":" in member else f"user:{member}" for member in listed),
        f"serviceAccount:{deployment.outputs['operator_account']}",
        f"serviceAccount:{deployment.outputs['scheduler_account']}",
        "serviceAccount:service-123456789012@gcp-sa-monitoring-notification.iam.gserviceaccount.com",
    }
    for spec in (BACKUP, RETENTION):
        name = f"utxoiq-{_stack(deployment)}-{spec.name}"
        callers = {found["member"] for found in deployment.all(INVOKER) if found["name"] == name}
        if not callers <= allowed:
            yield f"{name} may be called by {callers - allowed}"


@rule
def the_deployer_alone_may_migrate(deployment: Deployment) -> Iterator[str]:
    migrate = f"utxoiq-{_stack(deployment)}-{MIGRATE.name}"
    callers = [found["member"] for found in deployment.all(INVOKER) if found["name"] == migrate]
    if callers != [f"serviceAccount:{deployment.outputs['deployer_account']}"]:
        yield f"migrate may be called by {callers}"


@rule
def no_role_of_the_project_is_wider_than_its_condition(deployment: Deployment) -> Iterator[str]:
    """But for lists and points, which are the project's, and for the console, of which a rule of its own tells."""
    roles = deployment.all("projects/iAMCustomRole:IAMCustomRole")
    listing = {
        f"projects/{role['project']}/roles/{role['roleId']}"
        for role in roles
        if all(permission.endswith(".list") or permission == PUBLISHING for permission in role["permissions"])
    }
    for binding in deployment.all("projects/iAMMember:IAMMember"):
        if binding["member"] == _console(deployment):
            continue
        if binding["role"] not in UNCONDITIONAL | listing and not binding["condition.expression"]:
            yield f"{binding.name} gives {binding['role']} on the whole project"


@rule
def the_console_reads_starts_schedules_and_silences_policies_and_nothing_else(deployment: Deployment) -> Iterator[str]:
    member, project = _console(deployment), deployment.setting("gcp:project")
    role = f"projects/{project}/roles/utxoiq_{_stack(deployment).replace('-', '_')}_console"
    allowed = {"roles/secretmanager.secretAccessor", READING_LOGS, role}
    for found in bindings(deployment):
        if found["member"] == member and found["role"] not in allowed:
            yield f"the console has {found['role']}"
    for found in deployment.all("projects/iAMCustomRole:IAMCustomRole"):
        if f"projects/{project}/roles/{found['roleId']}" == role:
            yield from (f"the console may {one}" for one in set(found["permissions"]) - CONSOLE_MAY)
            if CONSOLE_MAY_TRACE in found["permissions"] and float(deployment.setting("traceSampling")) == 0:
                yield "the console may read traces, and there are none of this stack"
    for function in deployment.all(FUNCTION):
        if function.name.endswith(f"-{CONSOLE.name}"):
            unwanted = {"DB_INSTANCE", "REDIS_HOST"} & function["serviceConfig.environmentVariables"].keys()
            yield from (f"the console is told {name}" for name in unwanted)


@rule
def the_console_reads_log_lines_of_this_stack_only(deployment: Deployment) -> Iterator[str]:
    member, prefix = _console(deployment), f"utxoiq-{_stack(deployment)}"
    own = {
        bucket["bucketId"]: [
            sink["filter"]
            for sink in deployment.all("logging/projectSink:ProjectSink")
            if sink["destination"] == f"logging.googleapis.com/{bucket.name}-id"
        ]
        for bucket in deployment.all("logging/projectBucketConfig:ProjectBucketConfig")
    }
    granted = [found for found in deployment.all(LOG_VIEW) if found["member"] == member]
    for grant in granted:
        for text in own.get(grant["bucket"]) or ["everything"]:
            parts = text.removeprefix("(").removesuffix(")").split(") OR (")
            labels = [re.search(r'resource\.labels\.(service_name|job_id)=~"\^([\w-]+?)-\(', part) for part in parts]
            if not all(label and label[2] == prefix for label in labels):
                yield f"{grant.name} shows {text}"
    for function in deployment.all(FUNCTION):
        if function.name == f"{prefix}-{CONSOLE.name}":
            views = {f"{prefix}-console-logs-id/views/{found['name']}" for found in granted}
            if {function["serviceConfig.environmentVariables"]["LOG_VIEW"]} != views:
                yield f"the console reads another view than {views}"


@rule
def operators_alone_may_open_the_console(deployment: Deployment) -> Iterator[str]:
    console = f"utxoiq-{_stack(deployment)}-{CONSOLE.name}"
    callers = {found["member"] for found in deployment.all(INVOKER) if found["name"] == console}
    listed = json.loads(deployment.configuration.get("utxoiq-persistence:operators", "[]"))
    if callers != {member if ":" in member else f"user:{member}" for member in listed}:
        yield f"the console may be opened by {callers}"


@rule
def retention_alone_writes_the_archive_and_feedback_reads_archived_feedback(deployment: Deployment) -> Iterator[str]:
    (retention,) = (found for found in deployment.all(FUNCTION) if found.name.endswith(f"-{RETENTION.name}"))
    writer, reader, keeper = (
        f"serviceAccount:{found['serviceConfig.serviceAccountEmail']}"
        for spec in (RETENTION, FEEDBACK, KEEPER)
        for found in deployment.all(FUNCTION)
        if found.name.endswith(f"-{spec.name}")
    )
    archive = retention["serviceConfig.environmentVariables"]["ARCHIVE_BUCKET"]
    grants = {
        (found["bucket"], found["role"], found["member"], found["condition.expression"])
        for found in deployment.all("storage/bucketIAMMember:BucketIAMMember")
        if archive == found["bucket"] or found["member"] in (writer, reader, keeper)
    }
    path = f"projects/_/buckets/{archive}"
    of_feedback = f'resource.name == "{path}" || resource.name.startsWith("{path}/objects/insight_feedback/")'
    with_manifests = f'{of_feedback} || resource.name.startsWith("{path}/objects/manifests/insight_feedback/")'
    expunger = f"projects/{retention['project']}/roles/utxoiq_{_stack(deployment)}_archive_expunger"
    if grants != {
        (archive, "roles/storage.objectCreator", writer, None),
        (archive, "roles/storage.objectViewer", writer, None),
        (archive, "roles/storage.objectViewer", reader, of_feedback),
        (archive, expunger, keeper, with_manifests),
    }:
        yield f"{grants}"


@rule
def secrets_are_readable_by_who_mounts_them(deployment: Deployment) -> Iterator[str]:
    mounted = {
        (mount["secret"], f"serviceAccount:{function['serviceConfig.serviceAccountEmail']}")
        for function in deployment.all(FUNCTION)
        for mount in function["serviceConfig.secretEnvironmentVariables"] or []
    }
    readable = {
        (grant["secretId"], grant["member"])
        for grant in deployment.all("secretmanager/secretIamMember:SecretIamMember")
        if grant["role"] == "roles/secretmanager.secretAccessor"
    }
    yield from (f"{member} reads {secret} and mounts it not" for secret, member in readable - mounted)
    yield from (f"{member} mounts {secret} and cannot read it" for secret, member in mounted - readable)


@rule
def every_function_knows_its_cache_entries_by_a_key_of_its_own(deployment: Deployment) -> Iterator[str]:
    first: dict[str, str] = {}
    for function in deployment.all(FUNCTION):
        mounts = function["serviceConfig.secretEnvironmentVariables"] or []
        keys = [mount["secret"] for mount in mounts if mount["key"] == "CACHE_KEY"]
        if "REDIS_HOST" in function["serviceConfig.environmentVariables"] and len(keys) != 1:
            yield f"{function.name} has the keys {keys}"
        common = [mount["secret"] for mount in mounts if mount["key"] == "COMMON_KEY"]
        if len(common) != len(keys) or set(common) & set(keys):
            yield f"{function.name} has the common keys {common}"
        for key in keys:
            if first.setdefault(key, function.name) != function.name:
                yield f"{function.name} has the key of {first[key]}"


@rule
def nothing_secret_is_in_the_clear(deployment: Deployment) -> Iterator[str]:
    keys = [name for name in deployment.outputs if name.endswith("_key")]
    known = {REDIS_PASSWORD, *(deployment.outputs[name] for name in keys)}
    for resource in deployment.resources:
        plain = {key: value for key, value in resource.inputs.items() if key not in resource.secrets}
        if any(secret in json.dumps(plain, default=str) for secret in known):
            yield f"{resource.type} {resource.name} shows a secret"
    for version in deployment.all("secretmanager/secretVersion:SecretVersion"):
        if "secretData" not in version.secrets:
            yield f"{version.name} is not marked secret"
    for name in keys:
        if name not in deployment.secret_outputs:
            yield f"the output {name} is not marked secret"


@rule
def the_schema_has_one_owner(deployment: Deployment) -> Iterator[str]:
    users = [found for found in deployment.all("sql/user:User") if found["databaseRoles"]]
    # A person whom breakGlass names comes and goes.
    owners = [found.name for found in users if found["type"] != "CLOUD_IAM_USER"]
    if owners != [f"utxoiq-{_stack(deployment)}-{MIGRATE.name}"]:
        yield f"database roles beyond their own have {owners}"


@rule
def statements_are_audited_without_their_parameters(deployment: Deployment) -> Iterator[str]:
    wanted = {
        "cloudsql.enable_pgaudit": "on",
        "pgaudit.log": deployment.setting("databaseAudited"),
        "log_min_duration_statement": "200",
        "log_error_verbosity": "terse",
        "pg_stat_statements.track": "all",
    }
    for instance in deployment.all(INSTANCE):
        missing = wanted.items() - flags(instance).items()
        yield from (f"{instance.name} lacks {flag}={value}" for flag, value in missing)
        if not instance["settings.insightsConfig.queryInsightsEnabled"]:
            yield f"{instance.name} has no query insights"


@rule
def the_cache_takes_tls_only(deployment: Deployment) -> Iterator[str]:
    encrypted = deployment.setting("cacheEncryption") == "true"
    for instance in deployment.all("redis/instance:Instance"):
        if encrypted and instance["transitEncryptionMode"] != "SERVER_AUTHENTICATION":
            yield f"{instance.name} has no TLS"


@rule
def no_function_is_reachable_behind_the_balancers_back(deployment: Deployment) -> Iterator[str]:
    wanted = "ALLOW_INTERNAL_AND_GCLB" if deployment.setting("domain") else "ALLOW_ALL"
    sizes = json.loads(deployment.configuration.get("utxoiq-persistence:functions", "{}"))
    is_internal = sizes.get(MIGRATE.name, {}).get("ingress") == "internal"
    migrate = "ALLOW_INTERNAL_ONLY" if is_internal else "ALLOW_ALL"
    for function in deployment.all(FUNCTION):
        private = {MIGRATE.name: migrate, CONSOLE.name: "ALLOW_ALL", KEEPER.name: "ALLOW_INTERNAL_ONLY"}
        if function["serviceConfig.ingressSettings"] != private.get(function.name.rpartition("-")[2], wanted):
            yield f"{function.name}: {function['serviceConfig.ingressSettings']}"


@rule
def the_balancer_redirects_from_http(deployment: Deployment) -> Iterator[str]:
    plain = {proxy["urlMap"] for proxy in deployment.all("compute/targetHttpProxy:TargetHttpProxy")}
    for routes in deployment.all("compute/uRLMap:URLMap"):
        if f"{routes.name}-id" in plain and not routes["defaultUrlRedirect.httpsRedirect"]:
            yield f"{routes.name} serves over HTTP"


@rule
def schedules_call_as_the_scheduler_for_that_function_only(deployment: Deployment) -> Iterator[str]:
    scheduler = deployment.outputs["scheduler_account"]
    functions = {row.name: f"utxoiq-{_stack(deployment)}-{row.function.name}" for row in SCHEDULES}
    for job in deployment.all("cloudscheduler/job:Job"):
        function = deployment.named(FUNCTION, functions[job.name.removeprefix(f"utxoiq-{_stack(deployment)}-")])
        # One that is open to the scheduler alone is told no audience: Cloud Run checks it.
        variables = function["serviceConfig.environmentVariables"]
        own = f"https://{function['location']}-{function['project']}.cloudfunctions.net/{function.name}"
        if job["httpTarget.oidcToken.audience"] != variables.get("FUNCTION_AUDIENCE", own):
            yield f"{job.name} sends tokens of another audience"
        if (
            not job["httpTarget.oidcToken.serviceAccountEmail"]
            == variables.get("SCHEDULER_ACCOUNT", scheduler)
            == scheduler
        ):
            yield f"{job.name} does not call as the scheduler"
    may_invoke = {
        found["name"] for found in deployment.all(INVOKER) if found["member"] == f"serviceAccount:{scheduler}"
    }
    if may_invoke != set(functions.values()):
        yield f"the scheduler may invoke {may_invoke}"


@rule
def access_to_data_is_logged(deployment: Deployment) -> Iterator[str]:
    if deployment.setting("auditLogs") == "false":
        return
    logged = {
        found["service"]: {entry["logType"] for entry in found["auditLogConfigs"]}
        for found in deployment.all("projects/iAMAuditConfig:IAMAuditConfig")
    }
    enabled = {found["service"].partition(".")[0] for found in deployment.all("projects/service:Service")}
    holding = {AUDITED_AS.get(api, api) for api in enabled - WITHOUT_DATA} | {"cloudkms"}
    for service in holding:
        if logged.get(f"{service}.googleapis.com") != {"ADMIN_READ", "DATA_READ", "DATA_WRITE"}:
            yield f"who reads and writes {service} is not logged"


def _console(deployment: Deployment) -> str:
    """As a member of roles; of a stack without a console, nobody."""
    prefix = f"utxoiq-{_stack(deployment)}"
    found = (one for one in deployment.all(FUNCTION) if one.name == f"{prefix}-{CONSOLE.name}")
    return next((f"serviceAccount:{one['serviceConfig.serviceAccountEmail']}" for one in found), "")


def _stack(deployment: Deployment) -> str:
    email: str = deployment.outputs["scheduler_account"]
    return email.removeprefix("utxoiq-").partition("-scheduler@")[0]
