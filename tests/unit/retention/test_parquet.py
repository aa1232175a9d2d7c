"""What goes from PostgreSQL's CSV to Parquet and back is the same to the last bit."""

import math
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from utxoiq_persistence.archive import parquet
from utxoiq_persistence.archive.tables import BACKFILL_JOBS, INSIGHT_FEEDBACK, SYSTEM_METRICS, TABLES

FIRST = UUID("00000000-0000-0000-0000-0000000000ff")


def feedback(text: bytes) -> pa.Table:
    return parquet.from_csv(text, INSIGHT_FEEDBACK.schema)


def test_null_and_the_empty_text_differ() -> None:
    rows = feedback(f'{FIRST},i,u,,"",,,2025-01-01 00:00:00+00,2025-01-01 00:00:00+00\n'.encode())
    assert (rows["comment"].to_pylist(), rows["flag_reason"].to_pylist(), rows["rating"].to_pylist()) == (
        [""],
        [None],
        [None],
    )


def test_texts_with_quotes_commas_and_line_breaks_survive() -> None:
    rows = feedback(
        f'{FIRST},i,u,5,"a ""b"",\nc\\d 💡",,NULL,2025-01-01 00:00:00.5+00,2025-01-01 00:00:00+00\n'.encode()
    )
    again = parquet.from_csv(b"".join(parquet.to_csv(rows)), INSIGHT_FEEDBACK.schema)
    assert again["comment"].to_pylist() == ['a "b",\nc\\d 💡']
    assert again["flag_reason"].to_pylist() == ["NULL"]
    assert again.equals(rows)


@pytest.mark.parametrize("value", [5e-324, 1.7976931348623157e308, 0.1 + 0.2, -0.0, 1e16, 123456789.123456789])
def test_numbers_are_the_same_to_the_last_bit(value: float) -> None:
    text = f"{FIRST},s,t,{value!r},u,2025-01-01 00:00:00+00,\n".encode()
    rows = parquet.from_csv(text, SYSTEM_METRICS.schema)
    read = parquet.from_parquet(parquet.to_parquet(rows), SYSTEM_METRICS.schema)["metric_value"][0].as_py()
    assert (read, math.copysign(1, read)) == (value, math.copysign(1, value))


@pytest.mark.parametrize(
    "moment", ["0001-01-01 00:00:00+00", "1969-12-31 23:59:59.999999+00", "9999-12-31 23:59:59.999999+00"]
)
def test_times_are_the_same_to_the_microsecond(moment: str) -> None:
    rows = parquet.from_csv(f"{FIRST},s,t,1,u,{moment},\n".encode(), SYSTEM_METRICS.schema)
    assert rows["timestamp"][0].as_py() == datetime.fromisoformat(moment).astimezone(UTC)


def test_ids_survive_slices_and_blocks() -> None:
    ids = [uuid4() for _ in range(20_000)]
    text = "".join(f"{one},s,t,1,u,2025-01-01 00:00:00+00,\n" for one in ids).encode()
    rows = parquet.from_csv(text, SYSTEM_METRICS.schema)
    blocks = list(parquet.to_csv(rows.slice(7)))
    assert len(blocks) > 1
    assert parquet.from_csv(b"".join(blocks), SYSTEM_METRICS.schema)["id"].to_pylist() == ids[7:]


def test_a_row_can_be_left_out() -> None:
    text = "".join(f"{UUID(int=number)},s,t,1,u,2025-01-01 00:00:00+00,\n" for number in range(4)).encode()
    rows = parquet.from_csv(text, SYSTEM_METRICS.schema)
    assert parquet.without(rows, {1, 3})["id"].to_pylist() == [UUID(int=1), UUID(int=3)]


def test_what_is_no_parquet_or_another_table_s_is_refused() -> None:
    with pytest.raises(parquet.Unreadable):
        parquet.from_parquet(b"PAR1 no PAR1", SYSTEM_METRICS.schema)
    rows = parquet.from_csv(f"{FIRST},s,t,1,u,2025-01-01 00:00:00+00,\n".encode(), SYSTEM_METRICS.schema)
    with pytest.raises(parquet.Unreadable):
        parquet.from_parquet(parquet.to_parquet(rows), BACKFILL_JOBS.schema)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_types_are_those_of_the_database(table: object) -> None:
    schema = table.schema  # type: ignore[attr-defined]
    empty = parquet.to_parquet(schema.empty_table())
    logical = {column.name: str(column.logical_type) for column in pq.ParquetFile(pa.BufferReader(empty)).schema}
    assert logical["id"] == "UUID"
    assert all("timeUnit=microseconds" in logical[name] for name in table.moments)  # type: ignore[attr-defined]
    assert logical.get("metric_metadata", "JSON") == "JSON"
