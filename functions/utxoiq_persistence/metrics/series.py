"""The dictionary of series: the number by which a point names its service, type and unit."""

from collections.abc import Iterable, Sequence

from utxoiq_persistence.errors import TooManySeries
from utxoiq_persistence.postgres import arrays
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.statements import load
from utxoiq_persistence.records import NewMetric

_SQL = load("metric_series")

Key = tuple[str, str, str]
"""Service, type and unit."""


class SeriesNumbers:
    """Remembers the numbers of series, so that a new series costs a statement, once an instance.

    A new connection may lead to a database that has gone back to an earlier moment, so all are asked for again then.
    """

    def __init__(self, database: Database, most: int) -> None:
        """Remember none yet. `most` is how many series there may be."""
        self._database = database
        self._most = most
        self._known: dict[Key, int] = {}
        self._opened = database.opened

    async def find(self, metrics: Sequence[NewMetric], *, alone: bool) -> list[int]:
        """Return the number of each metric's series. Raises TooManySeries, DatabaseUnavailable.

        Args:
            metrics: The metrics of a request.
            alone: Whether the request is the metric itself, not a list.
        """
        if self._opened != self._database.opened:
            self._opened, self._known = self._database.opened, {}
        known = self._known
        keys = [(metric.service_name, metric.metric_type, metric.unit) for metric in metrics]
        if missing := {key for key in keys if key not in known}:
            known |= await self._ask(missing)
        if refused := [place for place, key in enumerate(keys) if key not in known]:
            raise TooManySeries(self._most, [f"{'' if alone else f'[{place}].'}metric_type" for place in refused])
        return [known[key] for key in keys]

    async def _ask(self, keys: Iterable[Key]) -> dict[Key, int]:
        """Return the numbers, without those of new series where there may be no more."""
        asked = sorted(keys)
        rows = await self._database.fetch(
            _SQL["find_series"],
            idempotent=True,
            service_names=arrays.encode_texts(service for service, _, _ in asked),
            metric_types=arrays.encode_texts(kind for _, kind, _ in asked),
            units=arrays.encode_texts(unit for _, _, unit in asked),
            most=self._most,
        )
        return {key: number for key, (number,) in zip(asked, rows, strict=True) if number is not None}
