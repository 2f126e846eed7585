# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy==2.4.6", "safetensors==0.8.0", "tokenizers==0.23.3"]
# ///
"""Writes made-up product reviews and a tiny, untrained DistilBERT to start from: `sample_data.py FOLDER`.

`train/train.jsonl` (600 reviews) and `test/test.jsonl` (150) are put together from phrases by a seeded generator.
`pretrained/` is laid out as DistilBERT's own folder on the Hugging Face hub: two layers of random weights in the place
of six trained ones, and a WordPiece vocabulary of these reviews' words. The same files come out every time.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

SEED = 0
NUMBERS = {"train": 600, "test": 150}
DIM, HIDDEN, LAYERS, HEADS, POSITIONS = 64, 128, 2, 4, 128
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
THINGS = ["kettle", "lamp", "phone case", "backpack", "keyboard", "blender", "jacket", "book", "speaker", "tent"]
PRAISE = [
    "works perfectly and looks great",
    "is exactly what I was hoping for",
    "exceeded all my expectations",
    "is sturdy, beautiful and easy to use",
    "arrived early and I love it",
    "is worth every penny",
]
BLAME = [
    "broke after two days",
    "is a complete waste of money",
    "looks cheap and feels flimsy",
    "never worked at all",
    "arrived damaged and nobody answers",
    "is the worst I have ever owned",
]
REST = [
    "I bought it for my sister.",
    "The box was blue.",
    "It came on a Tuesday.",
    "We use it in the kitchen.",
    "It is my second one.",
    "My old one was bigger.",
    "",
]
ENDINGS = {True: ["Highly recommended!", "Thank you!", ""], False: ["I want a refund.", "Very disappointed.", ""]}


def review(generator: random.Random) -> dict[str, object]:
    """One review with its stars: four and five praise, one to three blame."""
    stars = generator.choice([1, 2, 3, 4, 4, 5])
    good = stars >= 4
    opinion = generator.choice(PRAISE if good else BLAME)
    sentences = [
        generator.choice(REST),
        f"This {generator.choice(THINGS)} {opinion}.",
        generator.choice(REST),
        generator.choice(ENDINGS[good]),
    ]
    return {"text": " ".join(sentence for sentence in sentences if sentence), "stars": stars}


def tokenizer() -> Tokenizer:
    """BERT's, with the vocabulary of the phrases above and single letters for all other words."""
    normalizer, splitter = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    texts = [*THINGS, *PRAISE, *BLAME, *REST, *ENDINGS[True], *ENDINGS[False], "this"]
    words = {word for text in texts for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text))}
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    pieces = sorted(words | set(letters)) + [f"##{letter}" for letter in letters]
    vocabulary = {piece: number for number, piece in enumerate([*SPECIAL, *pieces])}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))  # noqa: S106 - no secret
    made.normalizer, made.pre_tokenizer = normalizer, splitter
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")],
    )
    made.add_special_tokens(SPECIAL)
    return made


def weights(vocabulary: int) -> dict[str, np.ndarray]:
    """DistilBertModel's tensors by their names in its checkpoints: normal, of standard deviation 0.02."""
    generator = np.random.default_rng(SEED)
    shapes = {
        "embeddings.word_embeddings": (vocabulary, DIM),
        "embeddings.position_embeddings": (POSITIONS, DIM),
        "embeddings.LayerNorm": (DIM,),
    }
    for layer in (f"transformer.layer.{number}" for number in range(LAYERS)):
        shapes |= {f"{layer}.attention.{name}_lin": (DIM, DIM) for name in ("q", "k", "v", "out")}
        shapes |= {f"{layer}.ffn.lin1": (HIDDEN, DIM), f"{layer}.ffn.lin2": (DIM, HIDDEN)}
        shapes |= {f"{layer}.{name}_layer_norm": (DIM,) for name in ("sa", "output")}
    tensors = {}
    for name, shape in shapes.items():
        norm = len(shape) == 1
        values = np.ones(shape) if norm else generator.normal(scale=0.02, size=shape)
        tensors[f"distilbert.{name}.weight"] = values.astype(np.float32)
        if not name.endswith("_embeddings"):
            tensors[f"distilbert.{name}.bias"] = np.zeros(shape[0], np.float32)
    return tensors


def write_pretrained(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    made = tokenizer()
    size = made.get_vocab_size()
    config = {
        "architectures": ["DistilBertModel"],
        "model_type": "distilbert",
        **{"dim": DIM, "hidden_dim": HIDDEN, "n_layers": LAYERS, "n_heads": HEADS},
        **{"max_position_embeddings": POSITIONS, "vocab_size": size, "pad_token_id": 0},
    }
    names = {f"{name.strip('[]').lower()}_token": name for name in SPECIAL}
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": POSITIONS, **names}
    made.save(str(folder / "tokenizer.json"))
    for name, document in (("config.json", config), ("tokenizer_config.json", settings)):
        (folder / name).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    save_file(weights(size), folder / "model.safetensors", metadata={"format": "pt"})


def write(folder: Path) -> None:
    generator = random.Random(SEED)  # noqa: S311 - nothing here is a secret
    for name, number in NUMBERS.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        lines = "".join(f"{json.dumps(review(generator))}\n" for _ in range(number))
        (folder / name / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    write_pretrained(folder / "pretrained")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FOLDER")
    write(Path(sys.argv[1]))
