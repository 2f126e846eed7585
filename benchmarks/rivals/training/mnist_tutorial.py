"""The pattern of the tutorials: Lightning with its defaults, and a data set that makes a PIL image and a tensor of each
item, as torchvision's MNIST with ToTensor and Normalize does. `mnist_tutorial.py FOLDER EPOCHS LOGS`.
"""

import logging
import sys
import warnings
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from digits import read
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset, random_split

BATCH = 64


class Mnist(Dataset):
    def __init__(self, folder: Path) -> None:
        self.data = torch.from_numpy(read(folder / "train-images-idx3-ubyte.gz", 3).copy())
        self.targets = torch.from_numpy(read(folder / "train-labels-idx1-ubyte.gz", 1).copy())

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image, target = Image.fromarray(self.data[index].numpy()), int(self.targets[index])
        return normalize(to_tensor(image)), target


def to_tensor(image: Image.Image) -> torch.Tensor:
    """What torchvision.transforms.functional.to_tensor does with a grey image."""
    array = torch.from_numpy(np.array(image, np.uint8, copy=True))
    return array.view(image.size[1], image.size[0], 1).permute(2, 0, 1).contiguous().to(torch.float32).div(255)


def normalize(tensor: torch.Tensor) -> torch.Tensor:
    """What torchvision.transforms.functional.normalize does."""
    mean, deviation = torch.as_tensor([0.1307]), torch.as_tensor([0.3081])
    return tensor.clone().sub_(mean.view(-1, 1, 1)).div_(deviation.view(-1, 1, 1))


class Classifier(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))

    def training_step(self, batch: list[torch.Tensor], number: int) -> torch.Tensor:
        images, labels = batch
        loss = F.cross_entropy(self.network(images), labels)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: list[torch.Tensor], number: int) -> None:
        images, labels = batch
        self.log("val_accuracy", (self.network(images).argmax(1) == labels).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=0.003)

    def on_train_epoch_end(self) -> None:
        accuracy = self.trainer.callback_metrics["val_accuracy"]
        print(f"epoch={self.current_epoch + 1} val_accuracy={accuracy:.4f}", flush=True)


def main(folder: Path, epochs: int, logs: Path) -> None:
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    pl.seed_everything(1, verbose=False)
    data = Mnist(folder)
    held_out = len(data) // 5
    train, validation = random_split(data, [len(data) - held_out, held_out])
    # A progress bar on a pipe would write more than a person sees.
    trainer = pl.Trainer(max_epochs=epochs, default_root_dir=logs, enable_progress_bar=False)
    trainer.fit(Classifier(), DataLoader(train, BATCH, shuffle=True), DataLoader(validation, BATCH))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
