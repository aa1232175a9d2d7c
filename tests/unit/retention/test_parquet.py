"""What goes from PostgreSQL's CSV to Parquet and back is the same to the last bit."""

import math
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from utxoiq_persistence.archive import parquet
from utxoiq_persistence.archive.tables import BACKFILL_JOBS, INSIGHT_FEEDBACK, SYSTEM_METRICS, TABLES, TYPES

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
    assert parquet.drop_lines(rows, {1, 3})["id"].to_pylist() == [UUID(int=1), UUID(int=3)]


def test_what_is_no_parquet_or_another_table_s_is_refused() -> None:
    with pytest.raises(parquet.ObjectUnreadable):
        parquet.from_parquet(b"PAR1 no PAR1", SYSTEM_METRICS.schema)
    rows = parquet.from_csv(f"{FIRST},s,t,1,u,2025-01-01 00:00:00+00,\n".encode(), SYSTEM_METRICS.schema)
    with pytest.raises(parquet.ObjectUnreadable):
        parquet.from_parquet(parquet.to_parquet(rows), BACKFILL_JOBS.schema)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_types_are_those_of_the_database(table: object) -> None:
    schema = table.schema  # type: ignore[attr-defined]
    empty = parquet.to_parquet(schema.empty_table())
    logical = {column.name: str(column.logical_type) for column in pq.ParquetFile(pa.BufferReader(empty)).schema}
    assert logical["id"] == "UUID"
    assert all("timeUnit=microseconds" in logical[name] for name in table.moments)  # type: ignore[attr-defined]
    assert logical.get("metric_metadata", "JSON") == "JSON"


MORE = pa.schema([*INSIGHT_FEEDBACK.schema, pa.field("mood", pa.string()), pa.field("seen_by", pa.uuid())])


def test_an_object_that_is_older_than_a_column_is_read_with_null() -> None:
    rows = feedback(f"{FIRST},i,u,5,,,,2025-01-01 00:00:00+00,2025-01-01 00:00:00+00\n".encode())
    read = parquet.from_parquet(parquet.to_parquet(rows), MORE)
    assert (read["rating"].to_pylist(), read["mood"].to_pylist(), read["seen_by"].to_pylist()) == ([5], [None], [None])
    assert b"".join(parquet.to_csv(read)).endswith(b",,\n")


def test_a_column_too_many_or_too_few_or_of_another_type_is_named() -> None:
    rows = feedback(f"{FIRST},i,u,5,,,,2025-01-01 00:00:00+00,2025-01-01 00:00:00+00\n".encode())
    content = parquet.to_parquet(rows)
    schema = INSIGHT_FEEDBACK.schema
    with pytest.raises(parquet.ObjectUnreadable, match="a column that its table lacks: flag_reason"):
        parquet.from_parquet(content, schema.remove(schema.get_field_index("flag_reason")))
    with pytest.raises(parquet.ObjectUnreadable, match="no value in a column that takes no null: mood"):
        parquet.from_parquet(content, schema.append(pa.field("mood", pa.string(), nullable=False)))
    with pytest.raises(parquet.ObjectUnreadable, match="no value in a column that takes no null: comment"):
        parquet.from_parquet(content, schema.set(4, pa.field("comment", pa.string(), nullable=False)))
    with pytest.raises(parquet.ObjectUnreadable, match="int16 in the column rating, its table string"):
        parquet.from_parquet(content, schema.set(3, pa.field("rating", pa.string())))


def test_a_number_s_column_may_have_become_wider_and_not_narrower() -> None:
    rows = feedback(f"{FIRST},i,u,500,,,,2025-01-01 00:00:00+00,2025-01-01 00:00:00+00\n".encode())
    content = parquet.to_parquet(rows)
    wider, narrower = (INSIGHT_FEEDBACK.schema.set(3, pa.field("rating", kind)) for kind in (pa.int64(), pa.int8()))
    assert parquet.from_parquet(content, wider)["rating"].to_pylist() == [500]
    with pytest.raises(parquet.ObjectUnreadable, match="no room for: rating"):
        parquet.from_parquet(content, narrower)


@pytest.mark.parametrize(
    ("kind", "texts", "values"),
    [
        ("uuid", ["", str(FIRST), ""], [None, FIRST, None]),
        ("boolean", ["t", "", "f"], [True, None, False]),
        ("date", ["2024-02-29", "", "0001-01-01"], [date(2024, 2, 29), None, date(1, 1, 1)]),
        ("text", ['""', "", "t"], ["", None, "t"]),
        ("jsonb", ["{}", "", "null"], ["{}", None, "null"]),
        ("bytea", ["\\x00ff", "", "\\x"], [b"\x00\xff", None, b""]),
        ("smallint", ["-32768", "", "1"], [-32768, None, 1]),
    ],
)
def test_every_type_with_null_comes_back_as_it_was(kind: str, texts: list[str], values: list[object]) -> None:
    schema = pa.schema([pa.field("n", pa.int32()), pa.field("column", TYPES[kind])])
    rows = parquet.from_csv("".join(f"{n},{text}\n" for n, text in enumerate(texts)).encode(), schema)
    again = parquet.from_parquet(parquet.to_parquet(rows), schema)
    assert again["column"].to_pylist() == values
    assert parquet.from_csv(b"".join(parquet.to_csv(again)), schema).equals(rows)
