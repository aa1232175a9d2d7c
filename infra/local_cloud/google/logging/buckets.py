"""The buckets of logs that the program declares, each with what its sinks choose."""

VIEW = "/views/_AllLogs"


class LogBuckets:
    """Knows by its path what a bucket is for: the filters of the sinks that lead to it."""

    def __init__(self) -> None:
        self._filters: dict[str, list[str]] = {}

    def route(self, bucket: str, text: str) -> None:
        """Lead what a filter chooses to a bucket."""
        self._filters.setdefault(bucket, []).append(text)

    def filter(self, view: str) -> str | None:
        """Return what a bucket's view has, empty for all; None if there is no such view, or no sink leads there."""
        filters = self._filters.get(view.removesuffix(VIEW)) if view.endswith(VIEW) else None
        if not filters:
            return None
        return "" if "" in filters else " OR ".join(f"({text})" for text in filters)
