"""`python export.py FOLDER`: both networks with weights of a fixed seed, in FOLDER/{mlp,cnn}/

weights.pth (the rivals'), model/{config.json,model.safetensors,model.onnx} (ours), and requests.json: rows and
PyTorch's answers. The exported network has to answer as PyTorch does.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import networks
import numpy as np
import onnxruntime
import torch
from safetensors.torch import save_file

ROWS = 64
TOLERANCE = 1e-5


def main(folder: Path) -> None:
    for name, make in networks.NETWORKS.items():
        torch.manual_seed(1)
        write(name, make().eval(), folder / name)


def write(name: str, network: torch.nn.Module, folder: Path) -> None:
    (folder / "model").mkdir(parents=True, exist_ok=True)
    (folder / "model" / "config.json").write_text(json.dumps({"network": name}))
    torch.save(network.state_dict(), folder / "weights.pth")
    save_file(network.state_dict(), folder / "model" / "model.safetensors")
    rows = torch.randint(256, (ROWS, 784)).float()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the exporter that replaces it takes 3 s more
        dynamic = {"rows": {0: "batch"}, "probabilities": {0: "batch"}}
        names = {"input_names": ["rows"], "output_names": ["probabilities"], "dynamic_axes": dynamic}
        torch.onnx.export(
            network, (rows[:2],), folder / "model" / "model.onnx", dynamo=False, opset_version=20, **names
        )
    with torch.inference_mode():
        expected = network(rows).numpy()
    session = onnxruntime.InferenceSession(folder / "model" / "model.onnx", providers=["CPUExecutionProvider"])
    (exported,) = session.run(None, {"rows": rows.numpy()})
    if np.abs(exported - expected).max() > TOLERANCE:
        raise SystemExit(f"{name}: the exported network differs by {np.abs(exported - expected).max():g}")
    requests = {"rows": rows.int().tolist(), "answers": expected.tolist()}
    (folder / "requests.json").write_text(json.dumps(requests))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
