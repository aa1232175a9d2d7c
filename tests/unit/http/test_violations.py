"""Refusals of fields are in words."""

import re
from typing import Any

import pytest
from msgspec import Struct

from utxoiq_http import violations
from utxoiq_http.endpoints.backfill import OneJob
from utxoiq_http.system_document import system_routes
from utxoiq_persistence.records import AggregateQuery, NewApiKey, NewJob, NewMetric, Rating

WRONG: tuple[object, ...] = (None, True, 5.5, -1, 10**30, "", "x" * 5000, [], [[]], {}, {"a": 1})
# Words of Python's and msgspec's, signs of comparison, and regular expressions.
TECHNICAL = re.compile(r"`|<=|>=|\bint\b|\bstr\b|\bfloat\b|\barray\b|\bgot\b|Expected|Invalid|\^|\\")


@pytest.mark.parametrize(
    ("kind", "field", "value", "says"),
    [
        (Rating, "rating", 6, "takes a whole number from 1 to 5"),
        (Rating, "insight_id", "", "takes text of 1 to 100 characters"),
        (NewMetric, "unit", 5, "takes text of at most 20 characters"),
        (NewMetric, "metric_value", "much", "takes a number"),
        (NewMetric, "metric_metadata", [], "takes a JSON object"),
        (NewMetric, "timestamp", 5, "takes a time such as 2026-01-31T12:00:00Z; one without an offset is in UTC"),
        (NewJob, "start_block", -1, "takes a whole number from 0 to 9223372036854775807"),
        (NewApiKey, "scopes", [], "takes a list of at least 1 items"),
        (AggregateQuery, "interval", "year", "takes hour, day, week"),
        (OneJob, "job_id", "x", f"takes a UUID, such as {violations.EXAMPLE_ID}"),
    ],
)
def test_a_refusal_says_what_the_field_takes(kind: type[Struct], field: str, value: object, says: str) -> None:
    messages = {error.field: error.message for error in violations.find_type_errors({field: value}, kind)}
    assert messages[field] == says


def kinds() -> set[Any]:
    return {kind for route in system_routes() for kind in (route.parameters, route.body) if kind is not None}


def test_every_refusal_is_in_words() -> None:
    messages = set()
    for kind in kinds():
        struct = violations.item_type(kind) or kind
        for value in WRONG:
            body: Any = dict.fromkeys(struct.__struct_encode_fields__, value)
            messages |= {error.message for one in (body, value) for error in violations.find_type_errors(one, struct)}
            messages |= {error.message for error in violations.find_type_errors(value, kind)}
    assert len(messages) > 15
    assert not {message for message in messages if TECHNICAL.search(message)}
