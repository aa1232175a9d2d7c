"""What the program declares is what the functions publish."""

import ast
from dataclasses import astuple

from tests.infra.deployment import REPOSITORY

from utxoiq_infra.monitoring.published_metrics import LABELS, PREFIX, PUBLISHED_METRICS
from utxoiq_persistence.publishing import published_metrics


def test_the_program_declares_what_the_functions_publish() -> None:
    declared = {
        (metric.name, metric.kind, metric.value_type, metric.unit, metric.labels) for metric in PUBLISHED_METRICS
    }
    assert declared == {astuple(metric) for metric in published_metrics.METRICS}
    assert len(declared) == len(PUBLISHED_METRICS)
    assert PREFIX == published_metrics.PREFIX


def test_every_metric_and_every_label_says_what_it_means() -> None:
    assert all(metric.description for metric in PUBLISHED_METRICS)
    assert {label for metric in PUBLISHED_METRICS for label in metric.labels} == LABELS.keys()


def test_every_metric_is_written_somewhere() -> None:
    """An alert on one that is declared, and that nobody writes, would see nothing for ever."""
    constants = {name: value for name, value in vars(published_metrics).items() if value in published_metrics.METRICS}
    assert len(constants) == len(published_metrics.METRICS)
    used = {
        node.attr
        for path in (REPOSITORY / "functions/utxoiq_persistence").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Attribute)
    }
    assert sorted(constants.keys() - used) == []
