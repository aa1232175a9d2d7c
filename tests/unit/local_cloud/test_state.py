"""What stays between two runs, and what does not."""

from pathlib import Path

from local_cloud.state import KEPT_LOG_BYTES, State


def test_logs_of_earlier_runs_are_cut_to_their_newest_lines(tmp_path: Path) -> None:
    state = State(tmp_path)
    lines = [f"{number:099}\n" for number in range(KEPT_LOG_BYTES // 100 + 1000)]
    state.log("long").write_text("".join(lines))
    state.log("short").write_text("as it was\n")
    state.prune_logs()
    kept = state.log("long").read_text().splitlines(keepends=True)
    assert kept == lines[-len(kept) :]
    assert KEPT_LOG_BYTES - 100 <= state.log("long").stat().st_size <= KEPT_LOG_BYTES
    assert state.log("short").read_text() == "as it was\n"
