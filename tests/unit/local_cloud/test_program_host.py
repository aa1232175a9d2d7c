"""What the host changes of Pulumi's SDK before it runs a program."""

import pulumi
import pytest
from pulumi.runtime import resource, rpc

from local_cloud.pulumi import program_host


def test_messages_for_debugging_are_dropped_wherever_the_sdk_has_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi.log, "debug", pulumi.log.debug)  # put back after the test
    program_host.drop_debugging()
    assert {module.log.debug for module in (pulumi, resource, rpc)} == {program_host.drop}
