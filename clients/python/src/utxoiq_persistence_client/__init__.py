"""A typed client of the utxoIQ persistence API. The operations and models in `generated` are made from its document."""

from .batches import AsyncMetricBatches, MetricBatches
from .client import AsyncPersistenceClient, PersistenceClient, etag_of, result
from .errors import ApiError, JobEnded, RateLimited, StaleVersion
from .pages import async_pages, pages
from .retries import Retries

__all__ = [
    "ApiError",
    "AsyncMetricBatches",
    "AsyncPersistenceClient",
    "JobEnded",
    "MetricBatches",
    "PersistenceClient",
    "RateLimited",
    "Retries",
    "StaleVersion",
    "async_pages",
    "etag_of",
    "pages",
    "result",
]
