"""Statistics and an hourly aggregate, for the eye."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

_BLOCKS = " ▁▂▃▄▅▆▇█"


def job(console: Console, found: dict[str, Any]) -> None:
    console.print(
        f"\n[bold]Backfill[/] {found['job_type']} blocks {found['start_block']:,} to {found['end_block']:,}: "
        f"{found['status']}, {found['progress_percentage']:.0f} %"
    )


def statistics(console: Console, insights: Sequence[dict[str, Any]]) -> None:
    table = Table(
        "insight", "ratings", "average", "1 to 5", "comments", title="Feedback statistics", title_justify="left"
    )
    for insight in insights:
        counts = list(insight["rating_distribution"].values())
        table.add_row(
            insight["insight_id"],
            str(insight["total_ratings"]),
            f"{insight['average_rating']:.2f}",
            f"{_bars(counts)}  {' '.join(str(count) for count in counts)}",
            str(insight["total_comments"]),
        )
    console.print(table)


def aggregate(console: Console, found: dict[str, Any]) -> None:
    """A line a day, a bar an hour."""
    title = f"{found['metric_type']} of {found['service_name']}, hourly averages"
    table = Table("day", "hours (UTC)", "average", "lowest", "highest", title=title, title_justify="left")
    days: dict[str, list[dict[str, Any]]] = {}
    for hour in found["data"]:
        days.setdefault(datetime.fromisoformat(hour["timestamp"]).date().isoformat(), []).append(hour)
    for day, hours in days.items():
        values = [hour["avg_value"] for hour in hours]
        table.add_row(
            day,
            _bars(values),
            f"{sum(values) / len(values):.1f}",
            f"{min(hour['min_value'] for hour in hours):.1f}",
            f"{max(hour['max_value'] for hour in hours):.1f}",
        )
    console.print(table)


def _bars(values: Sequence[float]) -> str:
    top = max(values, default=0) or 1
    return "".join(_BLOCKS[round(value / top * (len(_BLOCKS) - 1))] for value in values)
