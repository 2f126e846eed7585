"""Recordings on a GPU. Run by a Python that has torch and one: `python -m pytest` of this file."""

from __future__ import annotations

import logging

import pytest

torch = pytest.importorskip("torch", reason="this Python has no torch; the rest is in test_torch_module.py")
if not torch.cuda.is_available():
    pytest.skip("torch finds no GPU", allow_module_level=True)

from server.model import cuda_graphs  # noqa: E402
from server.model.torch_module import ModulePredictFn, prepare  # noqa: E402

ROWS = torch.rand(64, 784, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def network():
    torch.manual_seed(0)
    layers = [torch.nn.Unflatten(1, (1, 28, 28)), torch.nn.Conv2d(1, 8, 3), torch.nn.ReLU(), torch.nn.Dropout(0.5)]
    module = torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(8 * 26 * 26, 10))
    prepare(module)
    return module


class Decides(torch.nn.Module):
    """By what it has computed, for which it waits for the GPU."""

    def forward(self, rows):
        return rows * 2 if rows.sum().item() > 0 else rows


def test_recordings_answer_what_the_module_answers(network):
    predict_fn = ModulePredictFn(network, 48)
    predict_fn(ROWS[:1].numpy(), network)
    assert predict_fn._recorded.sizes == [64, 32, 16, 8, 4, 2, 1]
    for rows in (1, 2, 3, 33, 48, 64):
        with torch.inference_mode():
            expected = network(ROWS[:rows].cuda()).cpu().numpy()
        assert abs(predict_fn(ROWS[:rows].numpy(), network) - expected).max() <= 1e-4
    assert predict_fn(torch.cat([ROWS, ROWS]).numpy(), network).shape == (128, 10)  # more than were recorded


def test_a_module_that_decides_by_what_it_computes_is_served_without(caplog):
    module = Decides()
    prepare(module)
    predict_fn = ModulePredictFn(module, 8)
    with caplog.at_level(logging.WARNING):
        assert abs(predict_fn(ROWS.numpy(), module) - 2 * ROWS.numpy()).max() == 0
    assert predict_fn._recorded is None
    assert "the model runs without CUDA graphs" in caplog.text
    assert torch.cuda.get_sync_debug_mode() == 0


def test_what_fails_while_it_is_recorded_leaves_the_gpu_usable(network, monkeypatch):
    """As where a module waits in a way that is not told before."""
    monkeypatch.setattr(cuda_graphs, "_WARM_UP", 0)
    before = torch.cuda.current_stream()
    with torch.inference_mode(), pytest.raises(RuntimeError):
        cuda_graphs.record(Decides(), ROWS.cuda(), 8)
    assert torch.cuda.current_stream() == before
    predict_fn = ModulePredictFn(network, 8)
    assert predict_fn(ROWS.numpy(), network).shape == (64, 10)
