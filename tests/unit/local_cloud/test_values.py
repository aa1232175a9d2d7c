"""What the program sends is what handlers see, with secrets known to be secrets."""

from google.protobuf import struct_pb2  # type: ignore[import-untyped]

from local_cloud.pulumi.values import (
    ARCHIVE,
    ASSET,
    RESOURCE,
    SECRET,
    SIGNATURE,
    PulumiArchive,
    PulumiAsset,
    Reference,
    decode,
    encode,
)


def struct(values: dict[str, object]) -> struct_pb2.Struct:
    result = struct_pb2.Struct()
    result.update(values)
    return result


def test_a_secret_deep_inside_marks_its_property() -> None:
    secret = {SIGNATURE: SECRET, "value": "hush"}
    properties = decode(struct({"plain": 1, "nested": {"list": [{"password": secret}]}}))
    assert properties.values == {"plain": 1, "nested": {"list": [{"password": "hush"}]}}
    assert properties.secret == {"nested"}


def test_archives_and_references_keep_their_kind() -> None:
    properties = decode(
        struct(
            {
                "source": {SIGNATURE: ARCHIVE, "assets": {"a.py": {SIGNATURE: ASSET, "path": "x/a.py"}}},
                "other": {SIGNATURE: RESOURCE, "urn": "urn:1", "id": "id-1"},
            }
        )
    )
    assert properties.values["source"] == PulumiArchive(assets={"a.py": PulumiAsset(path="x/a.py")})
    assert properties.values["other"] == Reference("urn:1", "id-1")


def test_secret_outputs_come_back_as_secrets() -> None:
    again = decode(encode({"key": "hush", "port": 5432, "ratio": 0.5, "missing": None}, {"key"}))
    assert again.values == {"key": "hush", "port": 5432, "ratio": 0.5}
    assert again.secret == {"key"}
