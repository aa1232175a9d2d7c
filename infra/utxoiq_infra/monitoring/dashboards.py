"""The dashboards of dashboard_table.py in Cloud Monitoring."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi_gcp import monitoring

from utxoiq_infra.component import Component
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.monitoring.dashboard_table import BurnLine, Chart, Line
from utxoiq_infra.monitoring.metric_filters import SeriesQuery

CONSOLE = "https://console.cloud.google.com"
# The width of the grid on which Google places tiles.
COLUMNS = 48
WIDTH, HEIGHT = COLUMNS // 2, 16

Json = dict[str, Any]


class Dashboards(Component):
    """The dashboards, with their `urls` by name. The first one lists the incidents of the given policies."""

    def __init__(
        self,
        name: str,
        configuration: Configuration,
        dashboards: Mapping[str, Sequence[Chart]],
        policies: Sequence[pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Dashboards", name, opts)
        self._configuration = configuration
        incidents = {"title": "Open incidents", "incidentList": {"policyNames": list(policies)}}
        first = next(iter(dashboards))
        self.urls = {
            called: self._dashboard(called, [incidents] if called == first else [], charts)
            for called, charts in dashboards.items()
        }
        self.register_outputs({})

    def _dashboard(self, called: str, before: list[Json], charts: Sequence[Chart]) -> pulumi.Output[str]:
        project = self._configuration.project
        widgets = [*before, *(_widget(chart) for chart in charts)]
        dashboard = monitoring.Dashboard(
            f"{self.pulumi_resource_name}-{called.replace(' ', '-')}",
            project=project,
            dashboard_json=pulumi.Output.json_dumps(
                {
                    "displayName": f"{self.pulumi_resource_name}: {called}",
                    "mosaicLayout": {"columns": COLUMNS, "tiles": _tiles(widgets)},
                },
                sort_keys=True,
            ),
            opts=self.own(),
        )
        return dashboard.id.apply(
            lambda path: f"{CONSOLE}/monitoring/dashboards/builder/{path.rpartition('/')[2]}?project={project}"
        )


def _tiles(widgets: list[Json]) -> list[Json]:
    """Two beside each other, row by row."""
    across = COLUMNS // WIDTH
    return [
        {
            "xPos": index % across * WIDTH,
            "yPos": index // across * HEIGHT,
            "width": WIDTH,
            "height": HEIGHT,
            "widget": widget,
        }
        for index, widget in enumerate(widgets)
    ]


def _widget(chart: Chart) -> Json:
    return {
        "title": chart.title,
        "xyChart": {
            "dataSets": [
                {
                    "plotType": "LINE",
                    "targetAxis": "Y1",
                    "timeSeriesQuery": {**_query(line), "unitOverride": chart.unit},
                }
                for line in chart.lines
            ],
            "thresholds": [{"value": limit, "targetAxis": "Y1"} for limit in chart.limits],
            "yAxis": {"scale": "LINEAR"},
        },
    }


def _query(line: Line | BurnLine) -> Json:
    if isinstance(line, BurnLine):
        burn_rate = pulumi.Output.format('select_slo_burn_rate("{0}", "3600s")', line.objective)
        return {"timeSeriesFilter": {"filter": burn_rate, "aggregation": {"perSeriesAligner": "ALIGN_MEAN"}}}
    if line.of is not None:
        return {"timeSeriesFilterRatio": {"numerator": _filter(line.series), "denominator": _filter(line.of)}}
    return {"timeSeriesFilter": _filter(line.series)}


def _filter(series: SeriesQuery) -> Json:
    return {
        "filter": series.filter,
        "aggregation": {
            "alignmentPeriod": f"{series.period}s",
            "perSeriesAligner": series.aligner,
            "crossSeriesReducer": series.reducer,
            "groupByFields": list(series.by),
        },
    }
