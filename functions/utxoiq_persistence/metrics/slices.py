"""Slices of five minutes of the hours that have many values: a range that ends within one reads few of its points.

They are made with the hour's sketch, and count all of the hour if they count what its rollup does
(docs/decisions/0013-narrow-metrics.md).
"""

from collections.abc import Sequence

from utxoiq_persistence.postgres import arrays
from utxoiq_persistence.postgres.session import Row, Session
from utxoiq_persistence.postgres.statements import load

_SQL = load("system_metrics")
# Of fewer values, to read them all takes no longer than to look for slices.
MANY = 600


def make(session: Session, hours: Sequence[Row]) -> None:
    """Make the slices of those hours that have many values, all of which are in their table.

    Args:
        session: The connection to work on, in a transaction that holds the lock of the sketches.
        hours: Service, type, bucket and count of each.
    """
    many = [hour for hour in hours if hour[3] >= MANY]
    if many:
        session.run(_SQL["slice_hours"], **name_rollups(many))


def name_rollups(rollups: Sequence[Row]) -> dict[str, str]:
    """Return the parameters by which a statement finds rollups: an array each of services, types and buckets."""
    return {
        "service_names": arrays.encode_texts(service for service, *_ in rollups),
        "metric_types": arrays.encode_texts(kind for _, kind, *_ in rollups),
        "buckets": arrays.encode_texts(bucket.isoformat() for _, _, bucket, _ in rollups),
    }
