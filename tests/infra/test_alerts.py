"""The alerts: what is wrong with one is found, and said of that one."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.infra.deployment import Deployment, deploy, deployed
from tests.infra.mutation import Mutation, Props, deploy_all, put, registered
from tests.infra.policies import RULES
from tests.infra.policies.alerts import POLICY, RUNBOOKS, slug

from utxoiq_infra.configuration.settings import NAME

DASHBOARD = "monitoring/dashboard:Dashboard"
REPLICA = {"replicaRegion": "us-west1"}

Change = Callable[[Any], None]


def condition(change: Change, *, at: int = 0, kind: str = "threshold") -> Callable[[Props], None]:
    return lambda props: change(props["conditions"][at][f"condition{kind.capitalize()}"])


def of(name: str, value: object) -> Change:
    return put(name, value)


def respelt(old: str, new: str, key: str = "filter") -> Change:
    def change(found: Any) -> None:
        name = registered(key)
        assert old in found[name]
        found[name] = found[name].replace(old, new)

    return change


def aggregated(name: str, value: object) -> Change:
    return lambda found: put(name, value)(found["aggregations"][0])


def without(at: int) -> Callable[[Props], None]:
    return lambda props: props["conditions"].pop(at)


def drawn(old: str, new: str) -> Callable[[Props], None]:
    def change(props: Props) -> None:
        assert old in props["dashboardJson"]
        props["dashboardJson"] = props["dashboardJson"].replace(old, new)

    return change


# By rule: what is changed of which alert or, where it is named with its title, of which dashboard.
WRONG: Mapping[str, Mapping[str, Callable[[Props], None]]] = {
    "what_is_watched_is_published": {
        "pool-nearly-full": condition(respelt("utilization", "utilisation")),
        "slow-queries": condition(respelt("labels.result", "labels.outcome")),
        "redis-down": condition(respelt("labels.task_id", "labels.task")),
        "cloudsql-cpu": condition(respelt("cloudsql_database", "generic_task")),
        "schedule-failing": condition(respelt("failed-schedules", "failed-jobs")),
        "backup-missing": condition(aggregated("per_series_aligner", "ALIGN_RATE")),
        "redis-forged": condition(respelt("cache/forged", "cache/forgeries")),
        "query-latency": condition(aggregated("cross_series_reducer", "REDUCE_MAX")),
        "function-latency": condition(aggregated("group_by_fields", ["resource.labels.service"])),
        "uptime": condition(respelt("labels.check_id", "labels.check")),
        "figures-missing": condition(respelt("backup/age", "backups/age"), at=1, kind="absent"),
        "function-errors": condition(respelt("request_count", "requests", "denominator_filter")),
        "dashboard cache": drawn("cache/evictions", "cache/evicted"),
        "dashboard database": drawn("pool/timeouts", "pool/timeout"),
    },
    "what_is_watched_is_this_stacks": {
        "redis-down": condition(respelt('"utxoiq-prod"', '"utxoiq-dev"')),
        "function-errors": condition(respelt("utxoiq-prod-backfill", "utxoiq-dev-backfill")),
        "cloudsql-disk": condition(respelt("utxoiq-prod-replica", "another")),
        "refused-callers": condition(respelt("utxoiq-prod", "utxoiq-dev")),
        "redis-evicting": condition(respelt("instances/utxoiq-prod", "instances/utxoiq-dev")),
    },
    "limits_are_those_agreed_upon": {
        "pool-nearly-full": condition(of("threshold_value", 95)),
        "redis-down": condition(of("comparison", "COMPARISON_GT")),
        "replication-lag": condition(of("threshold_value", 600)),
    },
    "the_promise_is_kept_by_two_windows_each": {
        "availability-fast-burn": put("combiner", "OR"),
        "availability-slow-burn": without(1),
    },
    "connections_alert_before_the_database_refuses_any": {
        "cloudsql-connections": condition(of("threshold_value", 390)),
    },
    "a_ratio_needs_traffic": {
        "slow-queries": without(1),
        "query-latency": without(1),
        "availability-fast-burn": without(2),
        "function-errors": put("combiner", "OR"),
        "stats-cache-hit-rate": condition(aggregated("alignment_period", "60s")),
    },
    "google_takes_the_policies": {
        "cloudsql-cpu": condition(of("duration", "90s")),
        "redis-evicting": condition(aggregated("alignment_period", "30s")),
        "redis-down": condition(of("duration", "0s")),
        "uptime": put("documentation.content", "word " * 2000),
        "query-latency": put("documentation.content", "it is ${metric.label.statement}"),
        "figures-missing": condition(of("duration", "60s"), kind="absent"),
    },
    "an_alert_that_data_stop_for_closes": {
        "cloudsql-disk": condition(of("evaluation_missing_data", None)),
        "backup-failed": put("alert_strategy.auto_close", None),
    },
    "a_backup_that_failed_or_is_missing_is_known_within_five_minutes": {
        "backup-failed": condition(of("duration", "300s")),
        "backup-missing": condition(aggregated("alignment_period", "60s")),
    },
    "every_alert_says_what_to_do": {
        "uptime": put("documentation.content", "Good luck"),
        "redis-down": put("documentation.subject", ""),
        "backup-failed": put("display_name", "backups"),
    },
    "every_alert_reaches_somebody_where_that_is_configured": {
        "uptime": put("severity", None),
        "redis-down": put("enabled", False),
    },
}


@pytest.mark.parametrize("rule", WRONG)
def test_what_is_wrong_with_an_alert_is_said_of_it(rule: str) -> None:
    mutations = [
        Mutation((DASHBOARD,), change, ends_with=f"-{name.removeprefix('dashboard ')}")
        if name.startswith("dashboard ")
        else Mutation((POLICY,), change, ends_with=f"-{name}")
        for name, change in WRONG[rule].items()
    ]
    findings = list(RULES[rule](deploy_all(mutations, "prod", REPLICA)))
    for name in WRONG[rule]:
        assert any(name.removeprefix("dashboard ") in finding for finding in findings), name
    named = [name for finding in findings for name in WRONG[rule] if name.removeprefix("dashboard ") in finding]
    assert len(named) >= len(findings), "and of no other"


def test_there_is_a_runbook_for_each_alert_and_no_other() -> None:
    alerts = {slug(policy) for policy in deployed("prod", REPLICA).all(POLICY)}
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == alerts


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_a_runbook_says_what_it_means_what_to_do_and_what_was_tried(path: Any) -> None:
    headings = re.findall(r"^## (.+)$", path.read_text(), re.MULTILINE)
    assert headings == ["What it means", "Confirm", "Do", "Over when", "Tried"]


def test_channels_of_every_kind_get_every_alert_and_the_budget_its_emails() -> None:
    keys = {"alertPagerduty": "k" * 32, "alertWebhook": "https://hooks.example.com/?token=t", "alertSlackToken": "xoxb"}
    deployment = deploy(
        "prod",
        {
            "alertEmails": ["a@example.com"],
            "notificationChannels": ["projects/utxoiq-prod/notificationChannels/1"],
            "alertSlackChannel": "#alerts",
            "alertTopic": "projects/utxoiq-prod/topics/alerts",
            "budget": 900,
            "billingAccount": "012345-6789AB-CDEF01",
            **keys,
        },
        secrets=keys,
    )
    kinds = {found["type"]: found for found in deployment.all("monitoring/notificationChannel:NotificationChannel")}
    assert kinds.keys() == {"email", "pagerduty", "slack", "webhook_tokenauth", "pubsub"}
    assert all(len(policy["notificationChannels"]) == 6 for policy in deployment.all(POLICY))
    assert {"sensitiveLabels"} <= kinds["pagerduty"].secrets & kinds["slack"].secrets
    assert "labels" in kinds["webhook_tokenauth"].secrets
    for rule in ("secrets_of_channels_are_marked_so", "every_alert_reaches_somebody_where_that_is_configured"):
        assert list(RULES[rule](deployment)) == []
    (budget,) = deployment.all("billing/budget:Budget")
    assert len(budget["allUpdatesRule.monitoringNotificationChannels"]) == 1
    (publisher,) = deployment.all("pubsub/topicIAMMember:TopicIAMMember")
    assert publisher["member"].endswith("@gcp-sa-monitoring-notification.iam.gserviceaccount.com")


def _policies(deployment: Deployment) -> dict[str, Any]:
    return {slug(policy): policy for policy in deployment.all(POLICY)}


def test_critical_alerts_are_told_again_and_no_other() -> None:
    policies = _policies(deployed("prod", {"alertEmails": ["a@example.com"]}))
    again = {name for name, policy in policies.items() if policy["alertStrategy"].get("notificationChannelStrategies")}
    assert again == {name for name, policy in policies.items() if policy["severity"] == "CRITICAL"}


def test_alerts_link_to_where_the_runbooks_can_be_read() -> None:
    policies = _policies(deployed("prod", {"runbookUrl": "https://wiki.example.com/alerts/"}))
    (link,) = policies["redis-down"]["documentation"]["links"]
    assert link["url"] == "https://wiki.example.com/alerts/redis-down.md"


def test_the_dashboard_that_is_handed_out_is_the_services() -> None:
    deployment = deployed("prod")
    assert (
        f"/builder/utxoiq-prod-service-id?project={deployment.setting('gcp:project')}"
        in deployment.outputs["dashboard"]
    )
    assert {found.name for found in deployment.all(DASHBOARD)} == {
        f"utxoiq-prod-{name}" for name in ("service", "database", "cache", "data-lifecycle")
    }


def test_connections_are_limited_by_what_the_stack_has() -> None:
    small = {"databaseMaxConnections": 1000, "databaseReservedConnections": 100}
    for changes, limit in (({}, 342), (small, 810)):
        policy = _policies(deployed("prod", changes))["cloudsql-connections"]
        assert policy["conditions"][0]["conditionThreshold"]["thresholdValue"] == limit


def test_the_balancer_leads_each_check_to_its_functions_health() -> None:
    deployment = deployed("prod", {"domain": "api.utxoiq.com"})
    routes = deployment.named("compute/uRLMap:URLMap", "utxoiq-prod")["pathMatchers"][0]["pathRules"]
    rewritten = {
        path: (rule["service"], rule["routeAction"]["urlRewrite"]["pathPrefixRewrite"])
        for rule in routes
        if rule.get("routeAction")
        for path in rule["paths"]
    }
    for check in deployment.all("monitoring/uptimeCheckConfig:UptimeCheckConfig"):
        assert rewritten[check["httpCheck.path"]] == (f"{check.name}-id", "/health")


def test_a_secret_in_plain_text_is_refused_and_not_shown() -> None:
    with pytest.raises(Exception, match=rf"{NAME}:alertWebhook is 'a secret': it is not encrypted") as raised:
        deploy("prod", {"alertWebhook": "https://hooks.example.com/?token=hidden"})
    assert "hidden" not in str(raised.value)
