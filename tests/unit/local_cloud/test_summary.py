"""What `make up` prints to be pasted into a shell."""

import json
import subprocess
from pathlib import Path

import pytest

from local_cloud.summary import describe_rating


@pytest.mark.parametrize("name", ["plain", "with spaces", "Über d'Ort", 'a "quoted" $HOME `id` \\'])
def test_the_command_works_from_any_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    file = folder / "stack.json"
    file.write_text(json.dumps({"credentials": {"user_token": "of-a-user"}}))
    command = describe_rating("http://127.0.0.1:9", file).replace("curl -s", "printf '%s\\n'", 1)
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert ended.stderr == ""
    words = ended.stdout.splitlines()
    assert words[:3] == ["http://127.0.0.1:9/api/v1/feedback/rate", "-H", "Authorization: Bearer of-a-user"]
    assert json.loads(words[-1]) == {"insight_id": "insight-1", "rating": 5}
