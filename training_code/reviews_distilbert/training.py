"""The training loop: one process, or one a device and host, started by torchrun."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import export
import torch
import torch.distributed as dist
from shared import reviews
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset, DistributedSampler
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedTokenizerBase
from transformers.utils import logging

Batch = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Processes:
    """How many train together, and which of them this one is."""

    rank: int
    number: int
    device: torch.device

    @property
    def first(self) -> bool:
        return self.rank == 0


def run(options: Namespace) -> None:
    """Trains, tests, and writes the model. Raises reviews.InvalidReviews, export.ExportMismatch."""
    logging.set_verbosity_error()
    torch.manual_seed(options.seed)
    examples = reviews.read(options.train, "train*.jsonl")
    held_out = reviews.read(options.test, "test*.jsonl")
    tokenizer, model = load(options.pretrained, max_length=options.max_length)
    with _together() as processes:
        model.to(processes.device)
        train(model, _loader(examples, tokenizer, options, processes), options, processes)
        if processes.first:
            figures = test(model, _batches(held_out, tokenizer, options.batch_size), processes.device)
            print(" ".join(f"test_{name}={value:.4f}" for name, value in figures.items()), flush=True)
            export.write_model(model, tokenizer, options.model_dir)
        if processes.number > 1:
            dist.barrier()  # the others wait for the model: a host that ends is taken for done


def load(folder: Path, *, max_length: int) -> tuple[PreTrainedTokenizerBase, nn.Module]:
    """The pretrained weights with a fresh head of two classes, from files alone: no hub, no code, no pickle."""
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    names = dict(enumerate(reviews.LABELS))
    model = AutoModelForSequenceClassification.from_pretrained(
        folder,
        local_files_only=True,
        use_safetensors=True,
        id2label=names,
        label2id={name: number for number, name in names.items()},
    )
    tokenizer.model_max_length = min(max_length, model.config.max_position_embeddings)
    return tokenizer, model


def train(model: nn.Module, loader: DataLoader, options: Namespace, processes: Processes) -> None:
    """AdamW with a learning rate that falls linearly to zero; a line of metrics an epoch."""
    parallel = DistributedDataParallel(model) if processes.number > 1 else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.learning_rate, fused=True)
    steps = options.epochs * len(loader)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    for epoch in range(options.epochs):
        started = time.monotonic()
        loader.sampler.set_epoch(epoch)
        parallel.train()
        sums = torch.zeros(3, dtype=torch.float64, device=processes.device)
        for batch in loader:
            batch = {name: tensor.to(processes.device, non_blocking=True) for name, tensor in batch.items()}
            answer = parallel(**batch)
            answer.loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            sums += _sums(answer, batch["labels"])
        if processes.number > 1:
            dist.all_reduce(sums)
        if processes.first:
            told = " ".join(f"train_{name}={value:.4f}" for name, value in _figures(sums).items())
            print(f"epoch={epoch + 1} {told} seconds={time.monotonic() - started:.2f}", flush=True)


@torch.no_grad()
def test(model: nn.Module, loader: DataLoader, device: torch.device) -> dict[str, float]:
    """Accuracy and loss."""
    model.eval()
    sums = torch.zeros(3, dtype=torch.float64, device=device)
    for batch in loader:
        batch = {name: tensor.to(device) for name, tensor in batch.items()}
        sums += _sums(model(**batch), batch["labels"])
    return _figures(sums)


def _sums(answer: object, labels: torch.Tensor) -> torch.Tensor:
    """Loss, right answers, examples; on the device, read once an epoch: reading them would wait for every step."""
    right = (answer.logits.argmax(dim=1) == labels).sum()
    loss = answer.loss.detach() * len(labels)
    return torch.stack([loss, right, torch.full_like(right, len(labels))]).double()


def _figures(sums: torch.Tensor) -> dict[str, float]:
    loss, right, number = sums.tolist()
    return {"accuracy": right / number, "loss": loss / number}


class Reviews(Dataset):
    """(token numbers, label) pairs: each text is taken apart once, not once an epoch."""

    def __init__(self, texts: list[str], labels: list[int], tokenizer: PreTrainedTokenizerBase) -> None:
        found = tokenizer(texts, truncation=True)["input_ids"]
        self._pairs = [(torch.tensor(tokens), label) for tokens, label in zip(found, labels, strict=True)]

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self._pairs[index]


def _loader(
    examples: tuple[list[str], list[int]], tokenizer: PreTrainedTokenizerBase, options: Namespace, processes: Processes
) -> DataLoader:
    """This process's share of the examples, shuffled."""
    data = Reviews(*examples, tokenizer)
    sampler = DistributedSampler(data, processes.number, processes.rank, shuffle=True, seed=options.seed)
    return DataLoader(data, options.batch_size, sampler=sampler, collate_fn=_collate(tokenizer))


def _batches(examples: tuple[list[str], list[int]], tokenizer: PreTrainedTokenizerBase, batch_size: int) -> DataLoader:
    return DataLoader(Reviews(*examples, tokenizer), batch_size, collate_fn=_collate(tokenizer))


def _collate(tokenizer: PreTrainedTokenizerBase) -> Callable[[list[tuple[torch.Tensor, int]]], Batch]:
    """Token numbers padded to the longest of their batch, not of the model."""

    def collate(pairs: list[tuple[torch.Tensor, int]]) -> Batch:
        tokens, labels = zip(*pairs, strict=True)
        lengths = torch.tensor([len(some) for some in tokens])
        padded = pad_sequence(list(tokens), batch_first=True, padding_value=tokenizer.pad_token_id)
        mask = (torch.arange(padded.shape[1]) < lengths[:, None]).long()
        return {"input_ids": padded, "attention_mask": mask, "labels": torch.tensor(labels)}

    return collate


@contextmanager
def _together() -> Iterator[Processes]:
    """torchrun's processes, talking to each other; or this one alone."""
    number, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if cuda else torch.device("cpu")
    if number == 1:
        yield Processes(rank, number, device)
        return
    dist.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Processes(rank, number, device)
    finally:
        dist.destroy_process_group()
