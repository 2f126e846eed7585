"""What an image ran with last is preloaded by a cloud whose stacks name it, and by no other."""

import json
import sys
from pathlib import Path

import pytest

from localcloud.containers.remembered import Remembered
from tests.support.embedded_cloud import EmbeddedCloud, eventually

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="preloaded processes need Linux")


def _started_with(python: Path) -> bool:
    found = Path("/proc").glob("[0-9]*/cmdline")
    return any(_first_word(path) == str(python) for path in found)


def _first_word(path: Path) -> str:
    try:
        return path.read_bytes().partition(b"\0")[0].decode()
    except OSError:  # it has ended
        return ""


def test_a_stack_that_names_an_image_has_it_preloaded_and_again_after_a_restart(monkeypatch, tmp_path: Path) -> None:
    python = tmp_path / "environment" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    remembered = Remembered(tmp_path / "cache" / "slipway" / "environments" / "preloaded.json")
    remembered.add("registry/trains:1", python, {}, {}, slow=False)
    parameter = {"Type": "String", "Value": {"Fn::Join": ["", ["registry", "/trains:1"]]}}
    template = {"Resources": {"Image": {"Type": "AWS::SSM::Parameter", "Properties": parameter}}}

    cloud = EmbeddedCloud.start(tmp_path / "state")
    stacks = cloud.client("cloudformation")
    stacks.create_stack(StackName="other", TemplateBody=json.dumps(template).replace("trains:1", "another:1"))
    stacks.get_waiter("stack_create_complete").wait(StackName="other", WaiterConfig={"Delay": 0.1})
    assert not _started_with(python)
    stacks.create_stack(StackName="trains", TemplateBody=json.dumps(template))
    eventually(lambda: _started_with(python))
    cloud.stop()
    assert not _started_with(python)

    again = EmbeddedCloud.start(tmp_path / "state")
    eventually(lambda: _started_with(python))
    again.stop()
