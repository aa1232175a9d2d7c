"""What is there when a function starts to serve is not looked at again by the collector."""

import gc
from collections.abc import Iterator

import pytest

from utxoiq_http import garbage


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_what_is_there_stays_and_what_comes_is_still_collected() -> None:
    there = len(gc.get_objects())
    garbage.settle()
    assert gc.get_freeze_count() >= there
    cycle: list[object] = []
    cycle.append(cycle)
    del cycle
    assert gc.isenabled()
    assert gc.collect() >= 1
