"""The raw loop: no framework, no augmentation, no schedule, floats in memory. `mnist_raw.py FOLDER EPOCHS`."""

import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from digits import read
from torch import nn

BATCH = 64


def main(folder: Path, epochs: int) -> None:
    torch.manual_seed(1)
    images = torch.from_numpy(read(folder / "train-images-idx3-ubyte.gz", 3).copy()).float()
    images = (images / 255 - 0.1307) / 0.3081
    labels = torch.from_numpy(read(folder / "train-labels-idx1-ubyte.gz", 1).copy()).long()
    held_out = len(labels) // 5
    validation, images = images[:held_out], images[held_out:]
    truth, labels = labels[:held_out], labels[held_out:]
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.003, fused=True)
    for epoch in range(epochs):
        network.train()
        order = torch.randperm(len(labels))
        total = torch.zeros(())
        for chosen in order.split(BATCH):
            loss = F.cross_entropy(network(images[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(chosen)
        network.eval()
        with torch.inference_mode():
            found = torch.cat([network(some).argmax(1) for some in validation.split(512)])
        accuracy = (found == truth).float().mean()
        print(f"epoch={epoch + 1} train_loss={total / len(labels):.4f} val_accuracy={accuracy:.4f}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
