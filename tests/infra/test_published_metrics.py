"""What the program declares is what the functions publish."""

from dataclasses import astuple

from utxoiq_infra.monitoring.published_metrics import LABELS, PREFIX, PUBLISHED_METRICS
from utxoiq_persistence.publishing import published_metrics


def test_the_program_declares_what_the_functions_publish() -> None:
    declared = {
        (metric.name, metric.kind, metric.value_type, metric.unit, metric.labels) for metric in PUBLISHED_METRICS
    }
    assert declared == {astuple(metric) for metric in published_metrics.METRICS}
    assert len(declared) == len(PUBLISHED_METRICS) == 21
    assert PREFIX == published_metrics.PREFIX


def test_every_metric_and_every_label_says_what_it_means() -> None:
    assert all(metric.description for metric in PUBLISHED_METRICS)
    assert {label for metric in PUBLISHED_METRICS for label in metric.labels} == LABELS.keys()
