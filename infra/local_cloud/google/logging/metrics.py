"""Log-based metrics: how many entries came that a filter chooses.

Google counts an entry as it arrives, and publishes nothing of a metric and a resource before the first that fits. From
then on a minute without one is a zero.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from local_cloud.google.filters.tree import Node
from local_cloud.google.logging.blocks import forward
from local_cloud.google.logging.entry import Entry
from local_cloud.google.logging.extracting import Extractor
from local_cloud.google.logging.matching import Predicate
from local_cloud.google.logging.narrowing import decide, find_words
from local_cloud.google.logging.rotation import LARGEST, rotate
from local_cloud.google.logging.source import LogSource
from local_cloud.google.metrics.measurement import Measurement, delta
from local_cloud.google.monitored_resources import MonitoredResource

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class LogMetric:
    """A metric that counts the entries that fit a filter. extractors: by label."""

    type: str
    node: Node
    fits: Predicate
    extractors: Mapping[str, Extractor] = field(default_factory=dict)


class _Counted(NamedTuple):
    metric: str
    labels: Pairs
    resource: str
    resource_labels: Pairs


class LogMetricCollector:
    """Counts the entries that came since it last looked.

    sources, metrics: those of the moment. files: those that there are; what they hold at first was counted as it came,
    and each is rotated once its lines are counted.
    """

    def __init__(
        self,
        sources: Callable[[], list[LogSource]],
        metrics: Sequence[LogMetric],
        files: Callable[[], Iterable[Path]],
        largest: int = LARGEST,
    ) -> None:
        self._metrics = metrics
        self._sources = sources
        self._files = files
        self._largest = largest
        self._read = {path: path.stat().st_size for path in files()}
        self._counts: Counter[_Counted] = Counter()

    def collect(self) -> Iterator[Measurement]:
        """Yield each metric's count since the last call. Blocks."""
        for source in self._sources():
            if source.path.exists():
                self._count(source)
        for path in self._files():
            if rotate(path, self._largest):
                self._read[path] = 0
        for key, count in self._counts.items():
            yield delta(
                key.metric, MonitoredResource(key.resource, dict(key.resource_labels)), count, **dict(key.labels)
            )
        self._counts = Counter(dict.fromkeys(self._counts, 0))

    def _count(self, source: LogSource) -> None:
        size = source.path.stat().st_size
        start = self._read.get(source.path, 0)
        if start > size:
            start = 0  # emptied, or replaced
        metrics = [metric for metric in list(self._metrics) if decide(metric.node, source.constants) is not False]
        chosen = [(metric, find_words(metric.node, source.constants)) for metric in metrics]
        if not chosen:
            self._read[source.path] = size
            return
        for block in forward(source.path, start, size, continued=source.continued):
            for metric, needed in chosen:
                fitting = (entry for entry in source.entries(block, needed) if metric.fits(entry))
                self._counts.update(_make_key(metric, entry) for entry in fitting)
            start = block.end
        self._read[source.path] = start


def _make_key(metric: LogMetric, entry: Entry) -> _Counted:
    labels = {name: extract(entry) for name, extract in metric.extractors.items()}
    resource = entry.body["resource"]
    return _Counted(metric.type, _sort_pairs(labels), resource["type"], _sort_pairs(resource["labels"]))


def _sort_pairs(labels: Mapping[str, str]) -> Pairs:
    return tuple(sorted(labels.items()))
