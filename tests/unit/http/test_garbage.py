"""What is there when a function starts to serve is not looked at again by the collector."""

import gc
from collections.abc import Iterator

import pytest

from utxoiq_http import garbage


@pytest.fixture(autouse=True)
def as_python_has_it() -> Iterator[None]:
    thresholds = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.set_threshold(*thresholds)


def is_looked_at(thing: object) -> bool:
    return any(each is thing for each in gc.get_objects())


def test_what_is_there_stays_and_what_comes_is_still_collected() -> None:
    there: list[object] = [[]]
    assert is_looked_at(there)
    garbage.freeze_loaded_objects()
    assert not is_looked_at(there)
    assert gc.get_threshold() == (10_000, 10, 10)
    cycle: list[object] = []
    cycle.append(cycle)
    del cycle
    assert gc.isenabled()
    assert gc.collect() >= 1
