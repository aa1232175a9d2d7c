"""What the demonstration shows at its end, for the eye."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from commands.output import Output

_BLOCKS = " ▁▂▃▄▅▆▇█"
ROUTES = 10


def job(output: Output, found: Mapping[str, Any]) -> None:
    """Show how far a backfill job is."""
    output.line(
        f"Backfill {found['job_type']} blocks {found['start_block']:,} to {found['end_block']:,}: "
        f"{found['status']}, {found['progress_percentage']:.0f} %"
    )
    output.line()


def statistics(output: Output, insights: Sequence[Mapping[str, Any]]) -> None:
    """Show what users say of some insights."""
    rows = []
    for insight in insights:
        counts = list(insight["rating_distribution"].values())
        rows.append(
            (
                insight["insight_id"],
                str(insight["total_ratings"]),
                f"{insight['average_rating']:.2f}",
                f"{_bars(counts)}  {' '.join(str(count) for count in counts)}",
                str(insight["total_comments"]),
            )
        )
    output.table("Feedback statistics", ("insight", "ratings", "average", "1 to 5", "comments"), rows)
    output.line()


def aggregate(output: Output, found: Mapping[str, Any]) -> None:
    """Show a series: a line a day, a bar an hour."""
    days: dict[str, list[dict[str, Any]]] = {}
    for hour in found["data"]:
        days.setdefault(datetime.fromisoformat(hour["timestamp"]).date().isoformat(), []).append(hour)
    rows = []
    for day, hours in days.items():
        values = [hour["avg_value"] for hour in hours]
        rows.append(
            (
                day,
                _bars(values),
                f"{sum(values) / len(values):.1f}",
                f"{min(hour['min_value'] for hour in hours):.1f}",
                f"{max(hour['max_value'] for hour in hours):.1f}",
            )
        )
    title = f"{found['metric_type']} of {found['service_name']}, hourly averages"
    output.table(title, ("day", "hours (UTC)", "average", "lowest", "highest"), rows)
    output.line()


def rates(output: Output, loaded: Sequence[Mapping[str, Any]]) -> None:
    """Show what was loaded, and how fast."""
    rows = [
        (str(one["what"]), f"{one['count']:,}", f"{one['seconds']:.1f}", f"{one['count'] / one['seconds']:,.0f}")
        for one in loaded
    ]
    output.table("Rates reached", ("loaded", "count", "seconds", "a second"), rows)
    output.line()


def figures(output: Output, requests: Mapping[str, Any], cache: Mapping[str, Any], base_url: str) -> None:
    """Show what the functions behind the base URL say of themselves: the busiest routes, and the cache."""
    busiest = sorted(requests["routes"].items(), key=lambda route: -int(route[1]["total_requests"]))[:ROUTES]
    rows = [
        (
            route,
            f"{found['total_requests']:,}",
            str(found["failed_requests"]),
            *(_milliseconds(found["times"][name]) for name in ("p50", "p95", "p99")),
        )
        for route, found in busiest
    ]
    title = f"Figures of {base_url}, since its functions started"
    output.table(title, ("route", "requests", "failed", "p50 ms", "p95 ms", "p99 ms"), rows)
    hits = "no lookups" if cache["hit_rate"] is None else f"{cache['hit_rate']:.0f} % of {cache['lookups']:,} lookups"
    output.line(f"Cache: {hits} found")
    output.line()


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _bars(values: Sequence[float]) -> str:
    top = max(values, default=0) or 1
    return "".join(_BLOCKS[round(value / top * (len(_BLOCKS) - 1))] for value in values)
