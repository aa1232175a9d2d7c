"""The same content makes the same zip, wherever and whenever it is made."""

import io
import os
import zipfile
from pathlib import Path

import pytest

from local_cloud.errors import DeploymentFailed
from local_cloud.pulumi.archive import build_zip
from local_cloud.pulumi.values import PulumiArchive, PulumiAsset


def test_the_same_content_makes_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("a = 1\n")
    (tmp_path / "b.sql").write_text("SELECT 1")
    members = {"sql/b.sql": PulumiAsset(path="b.sql"), "a.py": PulumiAsset(path="a.py"), "c": PulumiAsset(text="c")}
    first = build_zip(PulumiArchive(assets=members), tmp_path)
    os.utime(tmp_path / "a.py", (0, 0))
    (tmp_path / "a.py").chmod(0o600)
    assert build_zip(PulumiArchive(assets=dict(reversed(members.items()))), tmp_path) == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "a.py": b"a = 1\n",
            "c": b"c",
            "sql/b.sql": b"SELECT 1",
        }


def test_changed_content_makes_another_zip(tmp_path: Path) -> None:
    assert build_zip(PulumiArchive(assets={"a": PulumiAsset(text="1")}), tmp_path) != build_zip(
        PulumiArchive(assets={"a": PulumiAsset(text="2")}), tmp_path
    )


def test_a_folder_is_zipped_with_what_is_below_it(tmp_path: Path) -> None:
    (tmp_path / "code" / "deep").mkdir(parents=True)
    (tmp_path / "code" / "deep" / "x.py").write_text("x")
    nested = PulumiArchive(assets={"vendor": PulumiArchive(path="code")})
    with zipfile.ZipFile(io.BytesIO(build_zip(nested, tmp_path))) as archive:
        assert archive.namelist() == ["vendor/deep/x.py"]


def test_what_would_have_to_be_fetched_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeploymentFailed, match=r"https://example\.com/a\.zip"):
        build_zip(PulumiArchive(uri="https://example.com/a.zip"), tmp_path)
