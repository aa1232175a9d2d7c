"""What is asked of the Admin API is what Google's own description of it knows."""

import json
import uuid
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import pytest

from utxoiq_persistence.backup.settings import BackupSettings
from utxoiq_persistence.backup.verification import Verifier
from utxoiq_persistence.config import DatabaseSettings
from utxoiq_persistence.errors import ConfigurationError

DESCRIPTION = json.loads((files("googleapiclient.discovery_cache") / "documents" / "sqladmin.v1.json").read_text())
SETTINGS = BackupSettings(DatabaseSettings("project:us-central1:primary", "utxoiq", "backup"), "exports")
SOURCE = {
    "region": "us-central1",
    "databaseVersion": "POSTGRES_17",
    "settings": {
        "tier": "db-custom-8-32768",
        "dataDiskSizeGb": "100",
        "ipConfiguration": {"ipv4Enabled": False, "privateNetwork": "projects/p/global/networks/n"},
        "databaseFlags": [
            {"name": "cloudsql.iam_authentication", "value": "on"},
            {"name": "max_connections", "value": "400"},
        ],
    },
}
ENVIRONMENT = {"DB_INSTANCE": "project:us-central1:primary", "DB_NAME": "utxoiq", "DB_USER": "backup"}


def unknown(kind: str, value: Any) -> list[str]:
    """The fields of a value that its schema lacks, at any depth."""
    properties = DESCRIPTION["schemas"][kind].get("properties", {})
    wrong = []
    for name, field in value.items():
        schema = properties.get(name)
        if schema is None:
            wrong.append(f"{kind}.{name}")
        elif "$ref" in schema:
            wrong += unknown(schema["$ref"], field)
        elif "$ref" in schema.get("items", {}):
            wrong += [one for member in field for one in unknown(schema["items"]["$ref"], member)]
    return wrong


def temporary(source: Mapping[str, Any] = SOURCE) -> dict[str, Any]:
    verifier = Verifier(SETTINGS, None, None, None)  # type: ignore[arg-type]
    return dict(verifier._describe_temporary(source, verifier._temporary_name(uuid.UUID(int=0))))


def test_the_temporary_instance_has_no_field_that_google_does_not_know() -> None:
    assert unknown("DatabaseInstance", temporary()) == []


def test_the_temporary_instance_is_small_private_and_marked() -> None:
    body = temporary()
    assert body["name"] == "primary-verify-00000000"
    settings = body["settings"]
    assert settings["tier"] == "db-custom-1-3840"
    assert settings["dataDiskSizeGb"] == "100"
    assert settings["ipConfiguration"]["ipv4Enabled"] is False
    assert settings["databaseFlags"] == [{"name": "cloudsql.iam_authentication", "value": "on"}]
    assert settings["userLabels"] == {"purpose": "backup-verification", "source": "primary"}


def test_the_temporary_instance_is_encrypted_by_its_sources_key() -> None:
    key = {"kmsKeyName": "projects/p/locations/us-central1/keyRings/r/cryptoKeys/k"}
    body = temporary({**SOURCE, "diskEncryptionConfiguration": key})
    assert body["diskEncryptionConfiguration"] == key
    assert unknown("DatabaseInstance", body) == []


def test_an_endpoint_that_would_send_credentials_in_the_clear_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="CLOUD_SQL_ADMIN_ENDPOINT"):
        BackupSettings.from_environment({**ENVIRONMENT, "CLOUD_SQL_ADMIN_ENDPOINT": "http://example.org"})
