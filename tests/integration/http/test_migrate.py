from collections.abc import Mapping
from pathlib import Path

import httpx
from tests.integration.http.functions import Function

from local_cloud.processes.postgres import Postgres


def test_migrations_are_applied_once(postgres: Postgres, variables: Mapping[str, str], tmp_path: Path) -> None:
    with postgres.connect() as connection:
        connection.run("CREATE DATABASE fresh")
    environment = {name: value for name, value in variables.items() if name.startswith(("DB_", "CLOUD_", "GOOGLE_"))}
    with Function(
        tmp_path, "migrate", {**environment, "DB_NAME": "fresh", "DB_ROLE_MEMBERS": "{}", "DEPLOYMENT_KEYS": "[]"}
    ) as migrate:
        health = httpx.get(f"{migrate.url}/health", timeout=120).json()
        assert health == {"status": "healthy", "parts": {"database": "ok"}}
        first = httpx.post(migrate.url, timeout=120).json()
        again = httpx.post(migrate.url, timeout=120).json()
        assert httpx.get(migrate.url, timeout=120).status_code == 405
    assert first["status"] == "success"
    assert first["version"] == first["applied"][-1]
    assert again == {"status": "success", "version": first["version"], "applied": []}
