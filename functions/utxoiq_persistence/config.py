"""Reads the configuration from the environment, and checks all of it before anything starts."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec

from utxoiq_persistence.errors import ConfigurationError

T = TypeVar("T")
SHORTEST_KEY = 32
SWITCH = {"true": True, "false": False}


@dataclass(frozen=True)
class DatabaseSettings:
    """Holds the settings of the database. Times are in seconds, except statement_timeout_ms.

    Attributes:
        instance: The instance's connection name, project:region:name.
        name: The database's name.
        user: The database user.
        socket_dir: A folder where a local PostgreSQL listens, which then replaces the Cloud SQL connector.
        sockets: A folder that has such a folder for each connection name.
        replica: The connection name of the instance from which past metrics are read, if there is one.
        pool_size: How many connections are kept.
        pool_overflow: How many more may be opened.
        pool_timeout: How long a caller waits for a connection.
        pool_recycle: The age at which a connection is replaced.
        statement_timeout_ms: How long a statement may take, in milliseconds.
    """

    instance: str
    name: str
    user: str
    socket_dir: str | None = None
    sockets: str | None = None
    replica: str | None = None
    pool_size: int = 10
    pool_overflow: int = 20
    pool_timeout: float = 30.0
    pool_recycle: float = 1800.0
    statement_timeout_ms: int = 10_000

    def at(self, instance: str) -> "DatabaseSettings":
        """Return the settings of the same database on another instance, given by its connection name."""
        # The path is resolved, since a socket's path must be short.
        socket_dir = os.path.realpath(f"{self.sockets}/{instance}") if self.sockets else self.socket_dir
        return replace(self, instance=instance, socket_dir=socket_dir)


@dataclass(frozen=True)
class RedisSettings:
    """Holds the settings of Redis.

    Attributes:
        host: The host's name or address.
        port: The port.
        auth: The password, if there is one.
        tls: Whether to connect by TLS.
        ca: The certificate authority in PEM, if it is not a public one.
    """

    host: str
    port: int
    auth: str | None = None
    tls: bool = False
    ca: str | None = None


@dataclass(frozen=True)
class Settings:
    """Holds all settings of a function.

    Attributes:
        function: The function's name, as the fleet's figures call it.
        database: The settings of the database.
        redis: The settings of Redis.
        figures_seconds: How often an instance publishes its figures, in seconds.
        metrics_ahead_seconds: How far in the future the timestamp of a metric may lie, in seconds.
        request_seconds: How long a request may take, in seconds, with all its waits and retries.
        max_series: How many series of metrics there may be.
        cache_key: The function's own key, by which it knows its entries in Redis. All its instances have the same.
        common_key: The key that all functions have: of what they count together, and tell one another, in Redis.
        fleet_keys: By function, the keys of figures; only who reads the fleet's has them.
    """

    function: str
    database: DatabaseSettings
    redis: RedisSettings
    figures_seconds: float = 5.0
    metrics_ahead_seconds: int = 86_400
    request_seconds: float = 25.0
    max_series: int = 20_000
    cache_key: bytes = b""
    common_key: bytes = b""
    fleet_keys: Mapping[str, bytes] | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Return the settings.

        Raises:
            ConfigurationError: A variable is wrong; the text names it and what it should hold.
        """
        return cls(
            function=environment.get("K_SERVICE", "local"),
            database=database_settings(environment),
            redis=_redis_settings(environment),
            figures_seconds=number(environment, "FIGURES_SECONDS", "5", float, 0.1),
            metrics_ahead_seconds=number(environment, "METRICS_AHEAD_SECONDS", str(cls.metrics_ahead_seconds), int, 0),
            request_seconds=number(environment, "REQUEST_SECONDS", "25", float, 1),
            max_series=number(environment, "METRICS_MAX_SERIES", str(cls.max_series), int, 1),
            cache_key=_key(environment, "CACHE_KEY"),
            common_key=_key(environment, "COMMON_KEY"),
            fleet_keys=_fleet_keys(environment),
        )


def _key(environment: Mapping[str, str], variable: str) -> bytes:
    key = required(environment, variable).encode()
    if len(key) < SHORTEST_KEY:
        raise ConfigurationError(f"{variable} has {len(key)} bytes; it takes a random text of {SHORTEST_KEY} or more")
    return key


def _fleet_keys(environment: Mapping[str, str]) -> Mapping[str, bytes] | None:
    text = environment.get("FLEET_KEYS")
    if not text:
        return None
    try:
        keys = msgspec.json.decode(text, type=dict[str, str])
    except msgspec.DecodeError:
        # Not the decoder's words, in which a key may be.
        raise ConfigurationError('FLEET_KEYS takes {"<function>": "<key>", …} in JSON') from None
    return {function: key.encode() for function, key in keys.items()}


def database_settings(environment: Mapping[str, str]) -> DatabaseSettings:
    """Return the settings of the database.

    Raises:
        ConfigurationError: A variable is wrong; the text names it and what it should hold.
    """
    return DatabaseSettings(
        instance=connection_name(environment, "DB_INSTANCE"),
        name=required(environment, "DB_NAME"),
        user=required(environment, "DB_USER"),
        socket_dir=environment.get("CLOUD_SQL_SOCKET_DIR"),
        sockets=environment.get("CLOUD_SQL_SOCKETS") or None,
        replica=connection_name(environment, "DB_READ_INSTANCE") if environment.get("DB_READ_INSTANCE") else None,
        pool_size=number(environment, "DB_POOL_SIZE", str(DatabaseSettings.pool_size), int, 1),
        pool_overflow=number(environment, "DB_POOL_OVERFLOW", str(DatabaseSettings.pool_overflow), int, 0),
        pool_timeout=number(environment, "DB_POOL_TIMEOUT_SECONDS", "30", float, 0.001),
        pool_recycle=number(environment, "DB_POOL_RECYCLE_SECONDS", "1800", float, 1),
        statement_timeout_ms=number(environment, "DB_STATEMENT_TIMEOUT_MS", "10000", int, 1),
    )


def required(environment: Mapping[str, str], name: str) -> str:
    """Return the value of a variable.

    Raises:
        ConfigurationError: The variable is not set or empty.
    """
    value = environment.get(name, "")
    if not value:
        raise ConfigurationError(f"{name} is not set; the Pulumi program declares it for every function")
    return value


def connection_name(environment: Mapping[str, str], variable: str) -> str:
    """Return an instance's connection name, project:region:name. Raises ConfigurationError."""
    instance = required(environment, variable)
    if instance.count(":") < 2:
        raise ConfigurationError(f"{variable} is {instance!r}; it takes project:region:instance")
    return instance


def _redis_settings(environment: Mapping[str, str]) -> RedisSettings:
    switch = environment.get("REDIS_TLS", "false")
    if switch not in SWITCH:
        raise ConfigurationError(f"REDIS_TLS is {switch!r}; it takes true or false")
    return RedisSettings(
        host=required(environment, "REDIS_HOST"),
        port=number(environment, "REDIS_PORT", "6379", int, 1),
        auth=environment.get("REDIS_AUTH") or None,
        tls=SWITCH[switch],
        ca=environment.get("REDIS_CA") or None,
    )


def number(environment: Mapping[str, str], name: str, default: str, kind: Callable[[str], T], minimum: float) -> T:
    """Return a variable's value as a number.

    Args:
        environment: All variables.
        name: The variable's name.
        default: The text that stands for a missing variable.
        kind: Converts the text, such as int; raises ValueError where it cannot.
        minimum: The smallest value that is accepted.

    Raises:
        ConfigurationError: The value is not a number, or smaller than the minimum.
    """
    text = environment.get(name, default)
    try:
        value = kind(text)
        if value >= minimum:  # type: ignore[operator]
            return value
    except ValueError:
        pass
    raise ConfigurationError(f"{name} is {text!r}; it takes a number of at least {minimum:g}")
