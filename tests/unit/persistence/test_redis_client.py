import re
from pathlib import Path

FUNCTIONS = Path(__file__).resolve().parents[3] / "functions"


def test_nothing_loads_redis_py_with_all_that_it_would_bring_along() -> None:
    importing = re.compile(r"^\s*(from|import) redis\b", re.MULTILINE)
    sources = [path for path in FUNCTIONS.rglob("*.py") if importing.search(path.read_text())]
    assert [path.relative_to(FUNCTIONS).as_posix() for path in sources] == ["utxoiq_persistence/redis/client.py"]
