"""The article's fine-tuning: every review padded to the model's length, one after the other, in each epoch.

`distilbert_article.py FOLDER EPOCHS`; FOLDER holds train/, test/ and pretrained/.
"""

import json
import os
import sys
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TQDM_DISABLE="1")

import torch
from torch.utils.data import DataLoader, Dataset
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging


class Reviews(Dataset):
    def __init__(self, path: Path, tokenizer: object, length: int) -> None:
        self.reviews = [json.loads(line) for line in path.open(encoding="utf-8")]
        self.tokenizer, self.length = tokenizer, length

    def __len__(self) -> int:
        return len(self.reviews)

    def __getitem__(self, index: int) -> dict:
        review = self.reviews[index]
        tokens = self.tokenizer(
            review["text"], padding="max_length", truncation=True, max_length=self.length, return_tensors="pt"
        )
        label = torch.tensor(int(review["stars"] >= 4))
        return {name: tokens[name][0] for name in ("input_ids", "attention_mask")} | {"labels": label}


def main(folder: Path, epochs: int) -> None:
    logging.set_verbosity_error()
    torch.manual_seed(1)
    tokenizer = AutoTokenizer.from_pretrained(folder / "pretrained")
    model = AutoModelForSequenceClassification.from_pretrained(folder / "pretrained", num_labels=2)
    length = model.config.max_position_embeddings
    train = DataLoader(Reviews(folder / "train/train.jsonl", tokenizer, length), 32, shuffle=True)
    test = DataLoader(Reviews(folder / "test/test.jsonl", tokenizer, length), 32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.001)
    for epoch in range(epochs):
        model.train()
        for batch in train:
            loss = model(**batch).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        print(f"epoch={epoch + 1} train_loss={loss.item():.4f}", flush=True)
    model.eval()
    with torch.no_grad():
        right = sum(int((model(**batch).logits.argmax(1) == batch["labels"]).sum()) for batch in test)
    print(f"test_accuracy={right / len(test.dataset):.4f}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
