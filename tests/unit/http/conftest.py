from collections.abc import Iterator

import pytest
from tests.unit.http.issuer import Issuer


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer().serving() as issuer:
        yield issuer
