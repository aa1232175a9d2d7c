"""Entries are found in the order of their times, by pages, in files that are never read as a whole."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from local_cloud.google.logging import blocks
from local_cloud.google.logging.blocks import backward, forward
from local_cloud.google.logging.entry import Entry, format_time
from local_cloud.google.logging.function_log import FunctionLog
from local_cloud.google.logging.postgres_log import PostgresLog
from local_cloud.google.logging.search import BadToken, Page, search
from local_cloud.google.logging.source import LogSource

START = 1_772_366_400.0


def line(number: int, **fields: object) -> str:
    told = {"severity": "INFO", "message": f"line {number}", "time": format_time(START + number), "n": number}
    return json.dumps({**told, **fields})


def function(folder: Path, name: str, lines: Iterable[str]) -> FunctionLog:
    path = folder / f"{name}.log"
    path.write_text("".join(f"{text}\n" for text in lines))
    return FunctionLog(path, {"resource": {"type": "cloud_run_revision", "labels": {"service_name": name}}})


def numbers(entries: Iterable[Entry]) -> list[int]:
    return [entry.body["jsonPayload"]["n"] for entry in entries]


def pages(sources: list[LogSource], text: str, *, newest_first: bool, size: int, seconds: float = 60.0) -> list[Page]:
    found = [search(sources, text, newest_first=newest_first, size=size, seconds=seconds)]
    while found[-1].token:
        token = found[-1].token
        found.append(search(sources, text, newest_first=newest_first, size=size, token=token, seconds=seconds))
    return found


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "FIRST", 100)
    monkeypatch.setattr(blocks, "LARGEST", 400)


@pytest.fixture
def two(tmp_path: Path) -> list[LogSource]:
    """The even lines, and the odd ones."""
    return [
        function(tmp_path, "even", (line(n) for n in range(0, 100, 2))),
        function(tmp_path, "odd", (line(n) for n in range(1, 100, 2))),
    ]


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("size", [1, 7, 100, 1000])
def test_pages_together_hold_everything_once_and_in_order(two: list[LogSource], newest_first: bool, size: int) -> None:
    found = pages(two, "", newest_first=newest_first, size=size)
    together = [number for page in found for number in numbers(page.entries)]
    assert together == sorted(range(100), reverse=newest_first)
    assert all(len(page.entries) <= size for page in found)


@pytest.mark.parametrize("newest_first", [True, False])
def test_a_search_that_runs_out_of_time_goes_on_where_it_was(two: list[LogSource], newest_first: bool) -> None:
    found = pages(two, "jsonPayload.n=(3 OR 98)", newest_first=newest_first, size=10, seconds=0.0)
    assert sorted(number for page in found for number in numbers(page.entries)) == [3, 98]
    assert len(found) > 2


@pytest.mark.parametrize("newest_first", [True, False])
def test_only_the_part_between_two_times_is_read(
    tmp_path: Path, newest_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local_cloud.google.logging.search.SEEK_BYTES", 200)
    source = function(tmp_path, "one", (line(n) for n in range(5000)))
    read = 0
    entries = FunctionLog.entries

    def counting(self: FunctionLog, block: blocks.Block, words: object) -> object:
        nonlocal read
        read += len(block.data)
        return entries(self, block, words)  # type: ignore[arg-type]

    monkeypatch.setattr(FunctionLog, "entries", counting)
    text = f'timestamp>="{format_time(START + 2500)}" timestamp<"{format_time(START + 2510)}"'
    found = [
        number
        for page in pages([source], text, newest_first=newest_first, size=100)
        for number in numbers(page.entries)
    ]
    assert found == sorted(range(2500, 2510), reverse=newest_first)
    assert read < source.path.stat().st_size / 10


def test_a_word_of_the_filter_spares_the_other_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = function(tmp_path, "one", (line(n, request_id=f"id-{n:06}") for n in range(3000)))
    parsed = 0
    body = FunctionLog.body

    def counting(self: FunctionLog, record: bytes) -> object:
        nonlocal parsed
        parsed += 1
        return body(self, record)

    monkeypatch.setattr(FunctionLog, "body", counting)
    found = pages([source], 'jsonPayload.request_id="ID-000042"', newest_first=True, size=10)
    assert numbers(entry for page in found for entry in page.entries) == [42]
    assert parsed == 1


def test_a_line_that_is_being_written_is_left_for_later(tmp_path: Path) -> None:
    source = function(tmp_path, "one", [line(1)])
    with source.path.open("a") as file:
        file.write(line(2)[:-5])
    for newest_first in (True, False):
        assert numbers(pages([source], "", newest_first=newest_first, size=10)[0].entries) == [1]


def test_a_token_is_good_for_its_own_request_only(two: list[LogSource]) -> None:
    token = search(two, "", newest_first=True, size=1).token
    for text, order, given in (
        ("severity=INFO", True, token),
        ("", False, token),
        ("", True, "nonsense"),
        ("", True, "W10="),
    ):
        with pytest.raises(BadToken):
            search(two, text, newest_first=order, size=1, token=given)


def test_lines_become_entries_as_cloud_run_makes_them(tmp_path: Path) -> None:
    source = function(
        tmp_path,
        "shop",
        [
            line(
                1,
                severity="warn",
                httpRequest={"status": 403},
                **{"logging.googleapis.com/trace": "projects/p/traces/t"},
            ),
            json.dumps({"message": "only that", "severity": "ERROR", "time": format_time(START + 2)}),
            "Traceback (most recent call last):",
            "[1, 2]",
            '{"half": ',
        ],
    )
    (page,) = pages([source], "", newest_first=False, size=10)
    bodies = [entry.body for entry in page.entries]
    assert bodies[0]["severity"] == "WARNING"
    assert bodies[0]["httpRequest"] == {"status": 403}
    assert bodies[0]["trace"] == "projects/p/traces/t"
    assert bodies[0]["jsonPayload"] == {"message": "line 1", "n": 1}
    assert (bodies[1]["textPayload"], bodies[1]["severity"]) == ("only that", "ERROR")
    assert [body["textPayload"] for body in bodies[2:]] == ["Traceback (most recent call last):", "[1, 2]", '{"half": ']
    # A line that tells no time has that of the one before it.
    assert {body["timestamp"] for body in bodies[1:]} == {format_time(START + 2)}
    assert len({body["insertId"] for body in bodies}) == 5


def test_a_statement_over_many_lines_is_one_entry(tmp_path: Path) -> None:
    path = tmp_path / "postgres.log"
    record = "2026-03-01 12:00:0{n}.000 UTC [7] LOG:  duration: 300 ms  statement: SELECT\n\t{n},\n\t2\n"
    fatal = "2026-03-01 12:00:09.000 UTC [8] FATAL:  sorry, too many clients already\n"
    path.write_text("".join(record.format(n=n) for n in range(9)) + fatal)
    source = PostgresLog(path, {"resource": {"type": "cloudsql_database", "labels": {}}})
    for newest_first in (True, False):
        found = [entry for page in pages([source], "", newest_first=newest_first, size=4) for entry in page.entries]
        texts = [str(entry.body["textPayload"]) for entry in sorted(found, key=lambda entry: entry.time)]
        assert texts == [record.format(n=n).rstrip("\n") for n in range(9)] + [fatal.rstrip("\n")]
    assert [entry.body["severity"] for entry in found[:1] + found[-1:]] == ["INFO", "CRITICAL"]
    assert len(pages([source], 'textPayload:"duration:" severity<ERROR', newest_first=True, size=20)[0].entries) == 9


@pytest.mark.parametrize("continued", [True, False])
@pytest.mark.parametrize(
    "content", ["", "a", "a\n", "a\nb", "\n\n\n", "x" * 900 + "\n", ("y" * 150 + "\n\tz\n") * 9, "\tz\na\n"]
)
def test_blocks_hold_every_whole_line_once(tmp_path: Path, content: str, continued: bool) -> None:
    path = tmp_path / "file.log"
    path.write_text(content)
    whole = content[: content.rfind("\n") + 1].encode()
    size = len(content)
    assert b"".join(block.data for block in forward(path, 0, size, continued=continued)) == whole
    assert b"".join([block.data for block in backward(path, 0, size, continued=continued)][::-1]) == whole
    # A file that was emptied meanwhile has nothing.
    path.write_text("")
    assert list(forward(path, 0, size, continued=continued)) == []
    assert list(backward(path, 0, size, continued=continued)) == []
