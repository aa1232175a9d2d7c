"""Imports redis-py without OpenTelemetry's metrics, which take a third of its import wherever they are installed.

Every other module imports redis-py's names from this one, so that nothing imports redis-py before.
"""

import sys

_hidden = "opentelemetry" not in sys.modules
if _hidden:
    sys.modules["opentelemetry"] = None  # type: ignore[assignment]  # `import` reads None as "not installed"
try:
    from redis.asyncio import Redis
    from redis.asyncio.connection import AbstractConnection
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError as RedisConnectionError
    from redis.exceptions import NoScriptError, RedisError, ResponseError
finally:
    if _hidden:
        del sys.modules["opentelemetry"]

__all__ = [
    "AbstractConnection",
    "NoBackoff",
    "NoScriptError",
    "Redis",
    "RedisConnectionError",
    "RedisError",
    "ResponseError",
    "Retry",
]
