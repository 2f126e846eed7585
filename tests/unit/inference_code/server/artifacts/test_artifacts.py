"""Planted model files: each would make a file if what it says were run, and each is refused by name and reason.

The formats' own checks need only the standard library, so they are tested here for every format; what the frameworks
refuse is tested where a workload's environment has them.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.container_python import container_environment, training_python

SERVE = {"inference.py": "def predict_fn(data, model): return data\ndef evaluate(model, holdout): return {'a': 1.0}"}


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> Any:
        return (os.system, (f"touch {self.path}",))


def zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def keras(config: Any, **members: bytes) -> bytes:
    text = config if isinstance(config, bytes) else json.dumps(config).encode()
    return zipped({"config.json": text, "metadata.json": b"{}", "model.weights.h5": b"\x89HDF\r\n\x1a\n"} | members)


def layer(module: str | None, name: str, registered: str | None = None, **config: Any) -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": config, "registered_name": registered}


def sequential(*layers: Any) -> bytes:
    return keras(layer("keras", "Sequential", layers=list(layers)))


LAMBDA = {"class_name": "__lambda__", "config": {"code": "4wAAAAAAAAAA", "defaults": None, "closure": None}}
SYSTEM = {"module": "builtins", "class_name": "function", "config": "system", "registered_name": "function"}
GET_FILE = layer("keras.utils", "get_file", fname="x", origin="file:///etc/passwd")
LOAD = {"module": "keras.models", "class_name": "function", "config": "load_model", "registered_name": "function"}

KERAS_REFUSED = {
    "a Lambda with code": (sequential(layer("keras.layers", "Lambda", function=LAMBDA)), "keras.layers.Lambda"),
    "code outside a Lambda": (sequential(layer("keras.layers", "Dense", activation=LAMBDA)), "None.__lambda__"),
    "a function of os (CVE-2025-1550)": (sequential(layer("os", "system", command="true")), "os.system"),
    "a function as an activation": (sequential(layer("keras.layers", "Dense", activation=SYSTEM)), "builtins.function"),
    "get_file (CVE-2025-8747)": (sequential(layer("keras.layers", "Dense", f=GET_FILE)), "keras.utils.get_file"),
    "load_model (CVE-2025-9906)": (sequential(layer("keras.layers", "Dense", f=LOAD)), "keras.models.function"),
    "safe mode switched off": (sequential(layer("keras.config", "enable_unsafe_deserialization")), "keras.config."),
    "a function called as a class": (sequential(layer("keras.layers", "deserialize")), "keras.layers.deserialize"),
    "a private module": (sequential(layer("keras.src.utils.file_utils", "Path")), "keras.src.utils.file_utils.Path"),
    "a module that begins alike": (sequential(layer("keras.layersx", "Dense")), "keras.layersx.Dense"),
    "no module": (sequential({"class_name": "Dense", "config": {}}), "None.Dense"),
    "a module that is a list": (sequential({"module": ["os"], "class_name": "Dense"}), "['os'].Dense"),
    "a class of one's own": (sequential(layer("keras.layers", "Dense", "evil>Dense")), "evil>Dense"),
    "another model (TFSMLayer)": (sequential(layer("keras.layers", "TFSMLayer", filepath="/x")), "loads another model"),
    "a pickle (TorchModuleWrapper)": (sequential(layer("keras.layers", "TorchModuleWrapper")), "is a pickle"),
    "a vocabulary file": (sequential(layer("keras.layers", "StringLookup", vocabulary="/etc/passwd")), "another file"),
    "deep nesting": (keras(b"[" * 100_000 + b"]" * 100_000), "config.json is not JSON"),
    "no JSON": (keras(b"\x80\x04"), "config.json is not JSON"),
    "no object": (keras([1]), "config.json is not an object"),
    "members too many": (keras({}, **{"assets/run.sh": b"rm"}), "not Keras's format: it holds assets/run.sh"),
    "a pickle inside": (keras({}, **{"model.weights.h5": pickle.dumps([1, "a"])}), "is a pickle"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "not Keras's format, which is a zip"),
}


@pytest.fixture(scope="module")
def marker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("marker") / "executed"


@pytest.fixture(scope="module")
def planted(marker: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders with one planted file each, those of torch written by torch itself."""
    folder = tmp_path_factory.mktemp("planted")
    for name, content in _planted(marker).items():
        case, file = name.rsplit("/", 1)
        (folder / case).mkdir(exist_ok=True)
        (folder / case / file).write_bytes(content)
    script = (
        "import os, sys, torch\n"
        "class Touch:\n    def __reduce__(self): return (os.system, ('touch ' + sys.argv[1],))\n"
        "for name in ('torch/model.pt', 'torch renamed/weights.bin', 'torch as safetensors/model.safetensors'):\n"
        "    path = os.path.join(sys.argv[2], name); os.makedirs(os.path.dirname(path)); torch.save(Touch(), path)\n"
        "path = sys.argv[2] + '/torch of old/weights.bin'; os.makedirs(os.path.dirname(path))\n"
        "torch.save(Touch(), path, _use_new_zipfile_serialization=False)\n"
    )
    command = [str(training_python("mnist_lightning")), "-c", script, str(marker), str(folder)]
    subprocess.run(command, check=True, timeout=120, env=container_environment())
    assert not marker.exists()
    return folder


def _planted(marker: Path) -> dict[str, bytes]:
    stream = io.BytesIO()
    np.savez(stream, weights=np.array([Touch(marker)], dtype=object))
    pickles = {f"pickle of protocol {n}/model.bin": pickle.dumps(Touch(marker), protocol=n) for n in range(6)}
    disguised = {f"pickle as {s}/model.{s}": pickle.dumps(Touch(marker)) for s in ("safetensors", "skops", "keras")}
    return {
        **pickles,
        **disguised,
        "pickle as json/model.json": pickle.dumps(Touch(marker)),
        "pickle as ubj/model.ubj": pickle.dumps(Touch(marker), protocol=0),
        "pickle as onnx/model.txt": pickle.dumps(Touch(marker), protocol=2),
        "joblib/pipeline.joblib": pickle.dumps(Touch(marker)),
        "below/deep.pkl": pickle.dumps(Touch(marker)),
        "arrays of objects/weights.npz": stream.getvalue(),
        "pickle in skops/model.skops": zipped({"schema.json": b"{}", "1.npy": pickle.dumps(Touch(marker))}),
        "no skops/model.skops": zipped({"a": b"b"}),
        "keras of old/model.h5": b"\x89HDF\r\n\x1a\n",
        "onnx elsewhere/model.onnx": b"\x08\x09:*\n(\x6a\x18\n\x08location\x12\x0c../../passwd",
        "safetensors cut/model.safetensors": (10**6).to_bytes(8, "little") + b"{}",
        "zip bomb/model.skops": _bomb(),
    } | {f"keras {index}/model.keras": content for index, (content, _) in enumerate(KERAS_REFUSED.values())}


def _bomb() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("schema.json", "w") as member:
        for _ in range(64):
            member.write(bytes(1 << 20))
    return stream.getvalue()


@pytest.fixture(scope="module")
def refusals(planted: Path, make_container) -> dict[str, str | None]:
    """Folder -> what its check said, as the serving image's Python says it."""
    script = (
        "import json, pathlib, sys\nfrom server.artifacts import RefusedArtifact, check_folder\nsaid = {}\n"
        "for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):\n"
        "    said[folder.name] = None\n"
        "    try: check_folder(folder)\n"
        "    except RefusedArtifact as error: said[folder.name] = str(error)\n"
        "print(json.dumps(said))"
    )
    container = make_container()
    command = [*container.command()[:1], "-c", script, str(planted)]
    done = subprocess.run(command, env=container.environment(), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_planted_file_is_refused_by_its_name_and_none_of_them_ran(planted, refusals, marker):
    missed = {case: message for case, message in refusals.items() if message is None}
    assert missed == {}
    for case, message in refusals.items():
        files = [path.name for path in (planted / case).rglob("*") if path.is_file()]
        assert message.partition(": ")[0] in files, (case, message)
    assert len(refusals) == len(list(planted.iterdir())) > 40
    assert not marker.exists()


def test_what_was_planted_would_run(planted, marker):
    """Otherwise its absence would say nothing."""
    pickle.loads((planted / "pickle of protocol 0/model.bin").read_bytes())  # noqa: S301 - that is the point
    assert marker.exists()
    marker.unlink()


@pytest.mark.parametrize(("index", "reason"), list(enumerate(r for _, r in KERAS_REFUSED.values())))
def test_what_keras_must_not_be_told_is_named(refusals, index, reason):
    assert refusals[f"keras {index}"].startswith("model.keras: ")
    assert reason in refusals[f"keras {index}"]


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("torch", "a pickle by its name"),
        ("torch renamed", "is a pickle"),
        ("torch of old", "a pickle: loading it would run code"),
        ("torch as safetensors", "not safetensors"),
        ("pickle of protocol 0", "a pickle: loading it would run code"),
        ("pickle as safetensors", "not safetensors"),
        ("pickle as skops", "not skops, which is a zip archive"),
        ("pickle as ubj", "a pickle"),
        ("arrays of objects", "is a pickle"),
        ("joblib", "a pickle by its name"),
        ("onnx elsewhere", "its weights lie in another file"),
        ("zip bomb", "are too much"),
        ("keras of old", "has no safe mode"),
    ],
)
def test_the_reason_is_told(refusals, case, reason):
    assert reason in refusals[case]


def test_honest_files_pass(make_container, start, digits_model):
    container = make_container().with_code(SERVE)
    model = container.ml / "model"
    shutil.copytree(digits_model, model, dirs_exist_ok=True)
    assert {"model.onnx", "model.safetensors"} <= {path.name for path in model.iterdir()}
    np.savez(model / "arrays.npz", a=np.arange(3))
    (model / "vocabulary.txt").write_text("cat\ndog\n.\n")
    (model / "zeros.txt").write_text("0" * 100_000)
    (model / "small.safetensors").write_bytes((0x0280).to_bytes(8, "little") + b"{}" + b" " * 0x027E)
    honest = layer("keras.layers", "Dense", kernel_initializer=layer("keras.initializers", "GlorotUniform"))
    (model / "model.keras").write_bytes(sequential(honest, layer("keras.src.ops.numpy", "Add", "Add")))
    assert start(container).invoke({"instances": [1]}).status == 200


def test_a_server_does_not_start_on_a_planted_file_and_says_why(make_container, start, planted, marker):
    container = make_container().with_code(SERVE)
    shutil.copytree(planted / "torch renamed", container.ml / "model", dirs_exist_ok=True)
    server = start(container, ready=False)
    assert server.process.wait(timeout=60) == 1
    assert "weights.bin: 'weights/data.pkl' is a pickle: loading it would run code" in server.log
    assert not marker.exists()


def test_an_evaluation_of_a_planted_file_fails_with_the_reason(make_container, planted, marker):
    container = make_container().with_code(SERVE)
    challenger = container.ml / "processing/input/challenger"
    challenger.mkdir(parents=True)
    with tarfile.open(challenger / "model.tar.gz", "w:gz") as archive:
        archive.add(planted / "pickle of protocol 2", ".")
    assert container.run("server.evaluate").returncode == 1
    assert (container.ml / "output/message").read_text().startswith("RefusedArtifact: model.bin: a pickle")
    assert not marker.exists()


LOADERS: dict[str, tuple[str, str, list[bytes]]] = {
    "mnist_lightning": ("load_onnx(path)", "model.onnx", [b"\x08\x09"]),
    "direct_marketing_xgboost": (
        "load_xgboost(path)",
        "model.ubj",
        [b"{", b"{L\0\0\0\0\0\0\0\7learner", b'{"learner": {}}'],
    ),
    "housing_sklearn": (
        "load_skops(path, types=[])",
        "model.skops",
        [zipped({"schema.json": b"{"}), zipped({"schema.json": b'{"__class__": "system", "__module__": "os"}'})],
    ),
    "karate_club_gcn": ("load_safetensors(path)", "model.safetensors", [(2).to_bytes(8, "little") + b"{]"]),
    "fashion_mnist_keras": ("load_keras(path)", "model.keras", [keras({}), sequential()]),
}
"""Workload, whose serving image has the loader's framework -> loader, file, contents that the loader's check passes."""


@pytest.mark.parametrize("workload", LOADERS)
def test_a_loader_tells_what_its_framework_refuses(workload, make_container, tmp_path, marker):
    loader, name, contents = LOADERS[workload]
    contents = [*contents, b"", bytes(1000), pickle.dumps(Touch(marker))]
    for index, content in enumerate(contents):
        (tmp_path / str(index)).mkdir()
        (tmp_path / str(index) / name).write_bytes(content)
    script = (
        f"import sys\nfrom server import artifacts\nfor path in sys.argv[1:]:\n    try: artifacts.{loader}\n"
        "    except artifacts.RefusedArtifact as error: print(error)\n"
    )
    container = make_container(workload)
    files = [str(tmp_path / str(index) / name) for index in range(len(contents))]
    command = [*container.command()[:1], "-c", script, *files]
    done = subprocess.run(
        command, env=container.environment(KERAS_BACKEND="jax"), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert [line.partition(": ")[0] for line in done.stdout.splitlines()] == [name] * len(contents)
    assert not marker.exists()


def test_the_package_needs_no_framework(make_container):
    code = "import sys; from server import artifacts, formats; print({'numpy', 'onnxruntime'} & set(sys.modules))"
    container = make_container()
    command = [*container.command()[:1], "-c", code]
    done = subprocess.run(command, env=container.environment(), capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "set()"
