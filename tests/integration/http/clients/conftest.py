from collections.abc import Iterator

import pytest
from tests.integration.http.clients.gateway import Gateway
from tests.integration.http.conftest import key_of
from tests.integration.http.functions import Function

from utxoiq_persistence_client import AsyncPersistenceClient, PersistenceClient, Retries

KEY = key_of("service")
QUICK = Retries(first_wait=0.01)


@pytest.fixture
def gateway(functions: dict[str, Function]) -> Gateway:
    return Gateway(functions)


@pytest.fixture
def base_url(gateway: Gateway) -> Iterator[str]:
    with gateway.serving() as url:
        yield url


@pytest.fixture
def client(base_url: str) -> Iterator[PersistenceClient]:
    with PersistenceClient(base_url, api_key=KEY, retries=QUICK) as client:
        yield client


@pytest.fixture
def async_client(base_url: str) -> AsyncPersistenceClient:
    return AsyncPersistenceClient(base_url, api_key=KEY, retries=QUICK)
