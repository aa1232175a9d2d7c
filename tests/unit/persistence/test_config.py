from pathlib import Path

import pytest

from utxoiq_persistence.config import Settings
from utxoiq_persistence.errors import ConfigurationError

LEAST = {
    "DB_INSTANCE": "p:r:i",
    "DB_NAME": "n",
    "DB_USER": "u",
    "REDIS_HOST": "h",
    "CACHE_KEY": "k" * 32,
    "COMMON_KEY": "c" * 32,
}


def test_the_least_environment_is_enough() -> None:
    settings = Settings.from_environment(LEAST)
    assert (settings.database.pool_size, settings.database.pool_overflow, settings.database.pool_timeout) == (
        10,
        20,
        30,
    )
    assert (settings.database.socket_dir, settings.redis.port, settings.redis.auth) == (None, 6379, None)


def test_everything_can_be_set() -> None:
    settings = Settings.from_environment(
        {
            **LEAST,
            "CLOUD_SQL_SOCKET_DIR": "/s",
            "DB_POOL_SIZE": "2",
            "DB_POOL_OVERFLOW": "0",
            "DB_POOL_TIMEOUT_SECONDS": "0.5",
            "DB_POOL_RECYCLE_SECONDS": "60",
            "DB_STATEMENT_TIMEOUT_MS": "100",
            "REDIS_PORT": "1",
            "REDIS_TLS": "true",
            "REDIS_AUTH": "a",
            "REDIS_CA": "c",
            "K_SERVICE": "f",
            "FIGURES_SECONDS": "0.2",
        }
    )
    database, redis = settings.database, settings.redis
    assert (database.socket_dir, database.pool_size, database.pool_overflow, database.pool_timeout) == ("/s", 2, 0, 0.5)
    assert (database.pool_recycle, database.statement_timeout_ms) == (60, 100)
    assert (redis.port, redis.tls, redis.auth, redis.ca, settings.function) == (1, True, "a", "c", "f")
    assert settings.figures_seconds == 0.2


def test_another_instance_has_a_socket_of_its_own_where_there_are_sockets(tmp_path: Path) -> None:
    (tmp_path / "short").mkdir()
    (tmp_path / "p:r:replica").symlink_to(tmp_path / "short")
    local = {"CLOUD_SQL_SOCKET_DIR": "/s", "CLOUD_SQL_SOCKETS": str(tmp_path), "DB_READ_INSTANCE": "p:r:replica"}
    database = Settings.from_environment({**LEAST, **local}).database
    assert database.replica is not None
    replica = database.at(database.replica)
    assert (replica.instance, replica.socket_dir) == ("p:r:replica", str(tmp_path / "short"))
    assert Settings.from_environment(LEAST).database.at("p:r:replica").socket_dir is None


@pytest.mark.parametrize("name", sorted(LEAST))
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Settings.from_environment({key: value for key, value in LEAST.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_INSTANCE", "instance"),
        ("DB_POOL_SIZE", "0"),
        ("DB_POOL_SIZE", "ten"),
        ("DB_POOL_OVERFLOW", "-1"),
        ("DB_POOL_TIMEOUT_SECONDS", "nan"),
        ("DB_STATEMENT_TIMEOUT_MS", "1.5"),
        ("REDIS_PORT", ""),
        ("REDIS_TLS", "yes"),
        ("FIGURES_SECONDS", "0"),
        ("METRICS_AHEAD_SECONDS", "-1"),
    ],
)
def test_what_is_wrong_is_named_and_shown(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} is '{value}'"):
        Settings.from_environment({**LEAST, name: value})
