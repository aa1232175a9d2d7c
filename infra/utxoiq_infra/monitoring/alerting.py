"""The alert policies: alert_table.py, each with its runbook in what it sends."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pulumi
from pulumi_gcp import monitoring

from utxoiq_infra.component import Component
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.monitoring.alert_table import CRITICAL, Absence, Alert, BurnRate, Condition, LogMatch, Threshold
from utxoiq_infra.monitoring.metric_filters import SeriesQuery

RUNBOOKS = Path("docs", "operations", "alerts")
# When an incident is closed that no data close any more.
FORGOTTEN_AFTER = "86400s"
# Of what is said once and has no end: when its incident is closed, and how often it may be told.
SAID_ONCE_CLOSES_AFTER = "1800s"
SAID_ONCE_A = "300s"
# How often a critical incident is notified again until it is closed.
TOLD_AGAIN_AFTER = "14400s"
# Google evaluates missing data only for a condition that has to hold for at least this long.
SHORTEST_FOR_MISSING_DATA = 60


class Alerting(Component):
    """The alert policies, which notify all channels and include their runbooks from docs/operations/alerts."""

    def __init__(
        self,
        name: str,
        configuration: Configuration,
        alerts: Sequence[Alert],
        channels: Sequence[pulumi.Input[str]],
        repository: Path,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Alerting", name, opts)
        self._configuration = configuration
        self._channels = list(channels)
        self._runbooks = repository / RUNBOOKS
        self.policies = {alert.slug: self._policy(alert) for alert in alerts}
        self.register_outputs({})

    def _policy(self, alert: Alert) -> monitoring.AlertPolicy:
        configuration, name = self._configuration, f"{self.pulumi_resource_name}-{alert.slug}"
        return monitoring.AlertPolicy(
            name,
            display_name=name,
            project=configuration.project,
            severity=alert.severity,
            combiner=alert.combiner,
            conditions=[_condition(condition) for condition in alert.conditions],
            documentation=self._documentation(alert),
            alert_strategy=self._strategy(alert),
            notification_channels=self._channels,
            user_labels={**configuration.labels, "alert": alert.slug},
            opts=self.own(),
        )

    def _documentation(self, alert: Alert) -> monitoring.AlertPolicyDocumentationArgs:
        """The runbook itself, for whoever reads it on a telephone, and where it is."""
        file = f"{alert.slug}.md"
        base = self._configuration.monitoring.runbook_url.rstrip("/")
        text = (self._runbooks / file).read_text()
        place = f"{base}/{file}" if base else str(RUNBOOKS / file)
        link = monitoring.AlertPolicyDocumentationLinkArgs(display_name="Runbook", url=place)
        return monitoring.AlertPolicyDocumentationArgs(
            subject=f"{self._configuration.prefix}: {alert.title}",
            content=f"{text.rstrip()}\n\nRunbook: {place}\n",
            mime_type="text/markdown",
            links=[link] if base else None,
        )

    def _strategy(self, alert: Alert) -> monitoring.AlertPolicyAlertStrategyArgs:
        if isinstance(alert.conditions[0], LogMatch):
            return monitoring.AlertPolicyAlertStrategyArgs(
                auto_close=SAID_ONCE_CLOSES_AFTER,
                notification_prompts=["OPENED"],
                notification_rate_limit=monitoring.AlertPolicyAlertStrategyNotificationRateLimitArgs(
                    period=SAID_ONCE_A
                ),
            )
        again = monitoring.AlertPolicyAlertStrategyNotificationChannelStrategyArgs(
            notification_channel_names=self._channels, renotify_interval=TOLD_AGAIN_AFTER
        )
        return monitoring.AlertPolicyAlertStrategyArgs(
            auto_close=FORGOTTEN_AFTER,
            notification_prompts=["OPENED", "CLOSED"],
            notification_channel_strategies=[again] if self._channels and alert.severity == CRITICAL else None,
        )


def _condition(condition: Condition) -> monitoring.AlertPolicyConditionArgs:
    match condition:
        case Absence():
            return monitoring.AlertPolicyConditionArgs(
                display_name=condition.name,
                condition_absent=monitoring.AlertPolicyConditionConditionAbsentArgs(
                    filter=condition.series.filter,
                    aggregations=[
                        monitoring.AlertPolicyConditionConditionAbsentAggregationArgs(**_aggregation(condition.series))
                    ],
                    duration=f"{condition.duration}s",
                ),
            )
        case LogMatch():
            return monitoring.AlertPolicyConditionArgs(
                display_name=condition.name,
                condition_matched_log=monitoring.AlertPolicyConditionConditionMatchedLogArgs(filter=condition.filter),
            )
        case BurnRate():
            return monitoring.AlertPolicyConditionArgs(
                display_name=condition.name,
                condition_threshold=monitoring.AlertPolicyConditionConditionThresholdArgs(
                    filter=pulumi.Output.format(
                        'select_slo_burn_rate("{0}", "{1}s")', condition.objective, condition.seconds
                    ),
                    comparison="COMPARISON_GT",
                    threshold_value=condition.above,
                    duration="0s",
                ),
            )
        case Threshold():
            return monitoring.AlertPolicyConditionArgs(
                display_name=condition.name, condition_threshold=_threshold(condition)
            )


def _threshold(condition: Threshold) -> monitoring.AlertPolicyConditionConditionThresholdArgs:
    series, of = condition.series, condition.of
    return monitoring.AlertPolicyConditionConditionThresholdArgs(
        filter=series.filter,
        aggregations=[monitoring.AlertPolicyConditionConditionThresholdAggregationArgs(**_aggregation(series))],
        denominator_filter=of.filter if of else None,
        denominator_aggregations=[
            monitoring.AlertPolicyConditionConditionThresholdDenominatorAggregationArgs(**_aggregation(of))
        ]
        if of
        else None,
        comparison=f"COMPARISON_{condition.comparison}",
        threshold_value=condition.value,
        duration=f"{condition.duration}s",
        evaluation_missing_data="EVALUATION_MISSING_DATA_INACTIVE"
        if condition.duration >= SHORTEST_FOR_MISSING_DATA
        else None,
        trigger=monitoring.AlertPolicyConditionConditionThresholdTriggerArgs(count=1),
    )


def _aggregation(series: SeriesQuery) -> dict[str, Any]:
    return {
        "alignment_period": f"{series.period}s",
        "per_series_aligner": series.aligner,
        "cross_series_reducer": series.reducer,
        "group_by_fields": list(series.by) or None,
    }
