"""What the recorder takes from ministack's services is what they would have saved themselves."""

import subprocess
import sys

from localcloud.gateway.recorder import HANDS_OUT
from tests.support.embedded_cloud import ROOT

# Each store of each service gets an entry with something nested, then the service is asked both ways.
CHECK = """
import copy, importlib, json, sys
from pathlib import Path
from localcloud import config
from localcloud.gateway import Gateway, recorder
Gateway(config.load(Path(sys.argv[1]), 4566))
app = importlib.import_module("ministack.app")
persistence = importlib.import_module("ministack.core.persistence")
scoped = (persistence.AccountScopedDict, persistence.AccountRegionScopedDict)
for name in sys.argv[2:]:
    module = app._get_module(app._state_map[name])
    stores = [value for value in vars(module).values() if isinstance(value, scoped)]
    for store in stores:
        key = ("1", "r", "name") if isinstance(store, persistence.AccountRegionScopedDict) else ("1", "name")
        store._data[key] = {"nested": [{"deep": "value"}], "objects": {}}
    before = [json.dumps(store, default=persistence._json_default) for store in stores]
    copied = json.dumps(module.get_state(), default=persistence._json_default)
    handed_out = json.dumps(recorder._read(name, module.get_state), default=persistence._json_default)
    assert stores and handed_out == copied, name
    assert before == [json.dumps(store, default=persistence._json_default) for store in stores], name
    print(name)
"""


def test_services_that_hand_out_their_data_give_what_they_would_copy_and_alter_nothing(tmp_path):
    names = sorted(HANDS_OUT)
    command = [sys.executable, "-c", CHECK, str(tmp_path), *names]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert result.stdout.split() == names, result.stderr
