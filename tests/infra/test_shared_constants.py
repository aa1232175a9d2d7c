"""What the program and the functions have to agree on, though neither may import the other."""

from typing import get_args

from utxoiq_http.config import GateSettings
from utxoiq_infra.configuration import catalog
from utxoiq_infra.configuration.settings import AccessSettings, StorageSettings
from utxoiq_infra.database import SLOW_STATEMENT_MS
from utxoiq_persistence.archive.settings import RetentionSettings
from utxoiq_persistence.config import DatabaseSettings, Settings
from utxoiq_persistence.figures import SLOW_SECONDS
from utxoiq_persistence.records import Scope


def test_scopes_are_the_same() -> None:
    assert {*catalog.SCOPES, catalog.ADMIN_SCOPE} == set(get_args(Scope))


def test_limits_are_the_same_where_nothing_is_set() -> None:
    access = AccessSettings()
    assert (access.signed_in_limit, access.anonymous_limit, access.batch_limit) == (
        GateSettings.signed_in,
        GateSettings.anonymous,
        GateSettings.batches,
    )


def test_rows_stay_as_long_where_nothing_is_set() -> None:
    storage = StorageSettings()
    assert (storage.backfill_hot, storage.feedback_hot, storage.metrics_hot) == (
        RetentionSettings.backfill_days,
        RetentionSettings.feedback_days,
        RetentionSettings.metrics_days,
    )


def test_as_many_series_may_be_there_where_nothing_is_set() -> None:
    assert StorageSettings().max_series == Settings.max_series


def test_pools_are_as_large_where_nothing_is_set() -> None:
    sizing = catalog.Sizing()
    assert (sizing.pool_size, sizing.pool_overflow) == (DatabaseSettings.pool_size, DatabaseSettings.pool_overflow)


def test_a_statement_is_slow_for_the_server_and_for_the_functions_alike() -> None:
    assert SLOW_STATEMENT_MS == SLOW_SECONDS * 1000
