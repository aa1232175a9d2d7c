"""What alerts and dashboards see, and what they say."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.infra.deployment import REPOSITORY, Deployment, Resource
from tests.infra.known_metrics import known, misfits, parse
from tests.infra.policies.rule import rule

from utxoiq_infra.configuration.catalog import BACKUP, DATABASE, ENDPOINTS, FUNCTIONS

POLICY = "monitoring/alertPolicy:AlertPolicy"
DASHBOARD = "monitoring/dashboard:Dashboard"
CHECK = "monitoring/uptimeCheckConfig:UptimeCheckConfig"
OBJECTIVE = "monitoring/slo:Slo"
CHANNEL = "monitoring/notificationChannel:NotificationChannel"
FUNCTION = "cloudfunctionsv2/function:Function"
RUNBOOKS = REPOSITORY / "docs/operations/alerts"
SLO = "select_slo_burn_rate("
CHANNEL_KEYS = ("alertEmails", "notificationChannels")
# Of the alerts whose limits are agreed upon: the condition's place, its comparison and its limit.
LIMITS: Mapping[str, tuple[int, str, float]] = {
    "pool-nearly-full": (0, "COMPARISON_GT", 90),
    "query-latency": (0, "COMPARISON_GT", 200),
    "slow-queries": (0, "COMPARISON_GT", 0.05),
    "stats-cache-hit-rate": (0, "COMPARISON_GT", 0.10),
    "redis-down": (0, "COMPARISON_LT", 1),
    "redis-evicting": (0, "COMPARISON_GT", 0),
    "redis-forged": (0, "COMPARISON_GT", 0),
    "replication-lag": (0, "COMPARISON_GT", 60),
    "backup-failed": (0, "COMPARISON_GT", 0),
    "verification-failed": (0, "COMPARISON_GT", 0),
    "retention-failing": (0, "COMPARISON_GT", 1),
    "retention-slow": (0, "COMPARISON_GT", 25 * 60),
    "availability-fast-burn": (0, "COMPARISON_GT", 14.4),
    "availability-slow-burn": (0, "COMPARISON_GT", 6),
}
# The 99.9 % of the promise, over whole weeks.
GOAL, DAYS = 0.999, 28
BURN_WINDOWS = {"availability-fast-burn": ("3600s", "300s"), "availability-slow-burn": ("21600s", "1800s")}
KNOWN_WITHIN_SECONDS = 300
# How often Google looks at a condition, and how late a point may be.
EVALUATION_SECONDS = 60
MAX_CONTENT, MAX_CONDITIONS, SHORTEST_ABSENCE = 8192, 6, 120

Json = Mapping[str, Any]


def slug(policy: Resource) -> str:
    return str(policy["userLabels"]["alert"])


def thresholds(policy: Resource) -> list[Json]:
    return [found["conditionThreshold"] for found in policy["conditions"] if found.get("conditionThreshold")]


def queries(policy: Resource) -> Iterator[tuple[str, list[Json]]]:
    """Every filter of a policy with its aggregations, but those of the objective."""
    for condition in policy["conditions"]:
        if condition.get("conditionMatchedLog"):
            continue
        found = condition.get("conditionThreshold") or condition["conditionAbsent"]
        if not found["filter"].startswith(SLO):
            yield found["filter"], found["aggregations"]
        if found.get("denominatorFilter"):
            yield found["denominatorFilter"], found["denominatorAggregations"]


def charts(dashboard: Resource) -> Iterator[tuple[str, list[Json]]]:
    for tile in json.loads(dashboard["dashboardJson"])["mosaicLayout"]["tiles"]:
        for data in tile["widget"].get("xyChart", {}).get("dataSets", []):
            query = data["timeSeriesQuery"]
            ratio = query.get("timeSeriesFilterRatio", {})
            for found in (query.get("timeSeriesFilter"), ratio.get("numerator"), ratio.get("denominator")):
                if found and not found["filter"].startswith(SLO):
                    yield found["filter"], [found["aggregation"]]


def watched(deployment: Deployment) -> Iterator[tuple[Resource, str, list[Json]]]:
    for policy in deployment.all(POLICY):
        yield from ((policy, *query) for query in queries(policy))
    for dashboard in deployment.all(DASHBOARD):
        yield from ((dashboard, *query) for query in charts(dashboard))
    for objective in deployment.all(OBJECTIVE):
        for part in ("totalServiceFilter", "badServiceFilter"):
            yield objective, objective[f"requestBasedSli.goodTotalRatio.{part}"], []


@rule
def what_is_watched_is_published(deployment: Deployment) -> Iterator[str]:
    metrics = known(deployment)
    for resource, text, aggregations in watched(deployment):
        yield from (f"{resource.name}: {wrong}" for wrong in misfits(text, aggregations, metrics))


@rule
def what_is_watched_is_this_stacks(deployment: Deployment) -> Iterator[str]:
    prefix, project = _prefix(deployment), deployment.setting("gcp:project")
    instances = {f"{project}:{prefix}", f"{project}:{prefix}-replica"}
    services = {f"{prefix}-{spec.name}" for spec in FUNCTIONS}
    checks = {check["displayName"] for check in deployment.all(CHECK)}
    for resource, text, _ in watched(deployment):
        chosen = parse(text)
        labels = {**chosen.resource_labels, **chosen.metric_labels}
        if chosen.metric.startswith(f"logging.googleapis.com/user/{prefix}-"):
            continue  # the metric itself counts this stack's lines only
        own = (
            labels.get("namespace") == (prefix,)
            or bool(labels.get("service_name") and set(labels["service_name"]) <= services)
            or bool(labels.get("database_id") and set(labels["database_id"]) <= instances)
            or bool(labels.get("check_id") and set(labels["check_id"]) <= checks)
            or bool(labels.get("instance_id") and labels["instance_id"][0].endswith(f"/instances/{prefix}"))
        )
        if not own:
            yield f"{resource.name} watches what is not its own: {text}"


@rule
def limits_are_those_agreed_upon(deployment: Deployment) -> Iterator[str]:
    policies = {slug(policy): policy for policy in deployment.all(POLICY)}
    wanted = LIMITS.keys() - (set() if deployment.setting("replicaRegion") else {"replication-lag"})
    yield from (f"there is no {missing}" for missing in wanted - policies.keys())
    for name in wanted & policies.keys():
        place, comparison, limit = LIMITS[name]
        condition = thresholds(policies[name])[place]
        if (condition["comparison"], condition["thresholdValue"]) != (comparison, limit):
            yield f"{name} begins at {condition['comparison']} {condition['thresholdValue']}"


@rule
def the_promise_is_kept_by_two_windows_each(deployment: Deployment) -> Iterator[str]:
    (objective,) = deployment.all(OBJECTIVE)
    if (objective["goal"], objective["rollingPeriodDays"]) != (GOAL, DAYS):
        yield f"{objective['goal']} of {objective['rollingPeriodDays']} days"
    for policy in deployment.all(POLICY):
        if slug(policy) in BURN_WINDOWS:
            burning = [found["filter"] for found in thresholds(policy) if found["filter"].startswith(SLO)]
            windows = tuple(text.rpartition(', "')[2].rstrip('")') for text in burning)
            if windows != BURN_WINDOWS[slug(policy)] or policy["combiner"] != "AND":
                yield f"{policy.name} looks at {policy['combiner']} of {windows}"


@rule
def connections_alert_before_the_database_refuses_any(deployment: Deployment) -> Iterator[str]:
    (instance,) = (
        found for found in deployment.all("sql/databaseInstance:DatabaseInstance") if not found["masterInstanceName"]
    )
    most = next(int(flag["value"]) for flag in instance["settings.databaseFlags"] if flag["name"] == "max_connections")
    free = most - int(deployment.setting("databaseReservedConnections"))
    policy = deployment.named(POLICY, f"{_prefix(deployment)}-cloudsql-connections")
    limit = thresholds(policy)[0]["thresholdValue"]
    needed = sum(int(found["serviceConfig.maxInstanceCount"]) * _pool(found) for found in deployment.all(FUNCTION))
    if not needed <= limit <= free:
        yield f"{policy.name} begins at {limit} of {most}, when functions may take {needed}"


@rule
def a_ratio_needs_traffic(deployment: Deployment) -> Iterator[str]:
    """Of a handful of requests one that failed is no incident."""
    for policy in deployment.all(POLICY):
        found = thresholds(policy)
        partial = [one for one in found if one.get("denominatorFilter") or one["filter"].startswith(SLO)]
        of_percentile = [
            one for one in found if "PERCENTILE" in (one.get("aggregations") or [{}])[0].get("crossSeriesReducer", "")
        ]
        floors = [one for one in found if one not in partial and one not in of_percentile]
        if (partial or of_percentile) and not (policy["combiner"].startswith("AND") and floors):
            yield policy.name
        for one in (*partial, *of_percentile):
            if one.get("denominatorFilter") and not _same_groups(one):
                yield f"{policy.name} divides what is not alike"


@rule
def google_takes_the_policies(deployment: Deployment) -> Iterator[str]:
    """As its API documents them."""
    for policy in deployment.all(POLICY):
        if not 1 <= len(policy["conditions"]) <= MAX_CONDITIONS:
            yield f"{policy.name} has {len(policy['conditions'])} conditions"
        for condition in policy["conditions"]:
            if condition.get("conditionMatchedLog"):
                continue
            absent = condition.get("conditionAbsent")
            found = condition.get("conditionThreshold") or absent
            duration = _seconds(found["duration"])
            if duration % 60 or (absent and duration < SHORTEST_ABSENCE):
                yield f"{policy.name} lasts {duration} s"
            if found.get("evaluationMissingData") and duration < 60:
                yield f"{policy.name} evaluates missing data without a duration"
        for _, aggregations in queries(policy):
            if any(_seconds(found["alignmentPeriod"]) < 60 for found in aggregations):
                yield f"{policy.name} aligns to less than a minute"
        if len(policy["documentation.content"]) > MAX_CONTENT or "${" in policy["documentation.content"]:
            yield f"{policy.name} documents too much, or with what Google takes for a variable"


@rule
def google_takes_the_policies_on_logs(deployment: Deployment) -> Iterator[str]:
    """As its API documents them."""
    for policy in deployment.all(POLICY):
        if not any(condition.get("conditionMatchedLog") for condition in policy["conditions"]):
            continue
        if len(policy["conditions"]) > 1:
            yield f"{policy.name} looks for entries beside something else"
        if not policy["alertStrategy.notificationRateLimit.period"]:
            yield f"{policy.name} has no limit of its rate"


@rule
def an_alert_that_data_stop_for_closes(deployment: Deployment) -> Iterator[str]:
    """Load comes and goes; what has no duration is published whatever happens, and closes by its next value."""
    for policy in deployment.all(POLICY):
        if not policy["alertStrategy.autoClose"]:
            yield policy.name
        for found in thresholds(policy):
            closes = found.get("evaluationMissingData") == "EVALUATION_MISSING_DATA_INACTIVE"
            if _seconds(found["duration"]) and not closes:
                yield policy.name


@rule
def a_backup_that_failed_or_is_missing_is_known_within_five_minutes(deployment: Deployment) -> Iterator[str]:
    every = _minutes_between(deployment, "watch-backups")
    for name in ("backup-failed", "backup-missing"):
        (condition,) = thresholds(deployment.named(POLICY, f"{_prefix(deployment)}-{name}"))
        seconds = every * 60 + _seconds(condition["duration"]) + 2 * EVALUATION_SECONDS
        if seconds > KNOWN_WITHIN_SECONDS:
            yield f"{name} after up to {seconds} s"
        if _seconds(condition["aggregations"][0]["alignmentPeriod"]) < every * 60:
            yield f"{name} has no value between two looks"


@rule
def every_alert_says_what_to_do(deployment: Deployment) -> Iterator[str]:
    base = deployment.setting("runbookUrl")
    files = {path.stem: path.read_text() for path in RUNBOOKS.glob("*.md")}
    for policy in deployment.all(POLICY):
        name, documentation = slug(policy), policy["documentation"]
        if policy.name != f"{_prefix(deployment)}-{name}" or policy["displayName"] != policy.name:
            yield f"{policy.name} is not called after its runbook"
        if name not in files or not documentation["content"].startswith(files[name].rstrip()):
            yield f"{policy.name} does not carry its runbook"
        if f"{name}.md" not in documentation["content"] or not documentation["subject"]:
            yield f"{policy.name} does not say where its runbook is"
        links = [link["url"] for link in documentation.get("links") or []]
        if links != ([f"{base}/{name}.md"] if base else []):
            yield f"{policy.name} links to {links}"


@rule
def every_alert_reaches_somebody_where_that_is_configured(deployment: Deployment) -> Iterator[str]:
    settings = [deployment.configuration.get(f"utxoiq-persistence:{key}", "[]") for key in CHANNEL_KEYS]
    wanted = sum(len(json.loads(text)) for text in settings)
    for policy in deployment.all(POLICY):
        if policy["severity"] not in ("CRITICAL", "ERROR", "WARNING"):
            yield f"{policy.name} has the severity {policy['severity']}"
        if len(policy["notificationChannels"] or []) < wanted or policy["enabled"] is False:
            yield f"{policy.name} is told to {policy['notificationChannels']}"


@rule
def secrets_of_channels_are_marked_so(deployment: Deployment) -> Iterator[str]:
    for channel in deployment.all(CHANNEL):
        if channel["sensitiveLabels"] and "sensitiveLabels" not in channel.secrets:
            yield channel.name
        if channel["type"] == "webhook_tokenauth" and "labels" not in channel.secrets:
            yield channel.name


@rule
def every_open_function_is_checked_from_outside(deployment: Deployment) -> Iterator[str]:
    checks = {check.name: check for check in deployment.all(CHECK)}
    for spec in ENDPOINTS:
        name = f"{_prefix(deployment)}-{spec.name}"
        if not spec.open and deployment.setting("domain"):
            continue  # a check's token would be meant for another address
        authenticated = name in checks and checks[name]["httpCheck"].get("serviceAgentAuthentication")
        if name in checks and bool(authenticated) == spec.open:
            yield f"{name} is checked by whom it does not let in, or tells more than it has to"
        if name not in checks:
            yield f"{name} is not checked"
            continue
        http, domain = checks[name]["httpCheck"], deployment.setting("domain")
        host = checks[name]["monitoredResource.labels"]["host"]
        path = f"/health/{spec.name}" if domain else "/health"
        if http["path"] != path or not (http["useSsl"] and http["validateSsl"]) or (domain and host != domain):
            yield f"{name} is checked at {host}{http['path']}"


@rule
def who_publishes_may_and_nobody_else(deployment: Deployment) -> Iterator[str]:
    own = [
        f"projects/{role['project']}/roles/{role['roleId']}"
        for role in deployment.all("projects/iAMCustomRole:IAMCustomRole")
        if any(name.startswith("monitoring.") and name.endswith((".create", ".update")) for name in role["permissions"])
        and "monitoring.snoozes.create" not in role["permissions"]
    ]
    roles = {"roles/monitoring.metricWriter", "roles/monitoring.editor", "roles/monitoring.admin", *own}
    members = {found["member"] for found in deployment.google() if found.inputs.get("role") in roles}
    wanted = {
        f"serviceAccount:{function['serviceConfig.serviceAccountEmail']}"
        for function in deployment.all(FUNCTION)
        if function["buildConfig.entryPoint"] in (DATABASE.name, BACKUP.name)
    }
    if members != wanted:
        yield f"{members} may write metrics"


@rule
def who_is_to_trace_may(deployment: Deployment) -> Iterator[str]:
    members = {found["member"] for found in deployment.google() if found.inputs.get("role") == "roles/cloudtrace.agent"}
    for function in deployment.all(FUNCTION):
        sampled = float(function["serviceConfig.environmentVariables"].get("TRACE_SAMPLING", "0")) > 0
        if sampled != (f"serviceAccount:{function['serviceConfig.serviceAccountEmail']}" in members):
            yield function.name


def _prefix(deployment: Deployment) -> str:
    email: str = deployment.outputs["scheduler_account"]
    return email.partition("-scheduler@")[0]


def _pool(function: Resource) -> int:
    variables = function["serviceConfig.environmentVariables"]
    return int(variables.get("DB_POOL_SIZE", 0)) + int(variables.get("DB_POOL_OVERFLOW", 0))


def _same_groups(condition: Json) -> bool:
    above, below = condition["aggregations"], condition["denominatorAggregations"]
    return [(one["alignmentPeriod"], one.get("groupByFields")) for one in above] == [
        (one["alignmentPeriod"], one.get("groupByFields")) for one in below
    ]


def _minutes_between(deployment: Deployment, schedule: str) -> int:
    """Of a job that runs every so many minutes."""
    job = deployment.named("cloudscheduler/job:Job", f"{_prefix(deployment)}-{schedule}")
    minutes, _, rest = job["schedule"].partition(" ")
    return int(minutes.removeprefix("*/")) if minutes.startswith("*/") and rest == "* * * *" else 60


def _seconds(duration: str) -> int:
    return int(duration.removesuffix("s"))
