"""redis-py, without OpenTelemetry's metrics, which it imports wherever they are installed: a third of its import.

Whatever needs redis-py takes it from here, so that nothing imports it before this does.
"""

import sys

_hidden = "opentelemetry" not in sys.modules
if _hidden:
    sys.modules["opentelemetry"] = None  # type: ignore[assignment]  # what `import` takes for "not installed"
try:
    from redis.asyncio import Redis
    from redis.asyncio.client import PubSub
    from redis.asyncio.connection import AbstractConnection
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import NoScriptError, RedisError, ResponseError
finally:
    if _hidden:
        del sys.modules["opentelemetry"]

__all__ = [
    "AbstractConnection",
    "NoBackoff",
    "NoScriptError",
    "PubSub",
    "Redis",
    "RedisError",
    "ResponseError",
    "Retry",
]
