# /// script
# requires-python = ">=3.11"
# ///
"""Writes made-up text messages, 600 wanted ones and 150 of spam: `sample_data.py FOLDER`.

They are put together from phrases by a seeded generator, so that nobody's messages are in them: the same files come
out every time, byte for byte. Some spam reads like ham and the other way round, so that no filter gets them all.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

SEED = 0
NUMBERS = {"ham": 600, "spam": 150}
BLURRED = 0.02  # of the messages of one kind are put together from the other's phrases
PHRASES = {
    "ham": (
        ["Hey", "Hi mum", "Sorry", "Ok", "Lol", "Good morning", "Hi love", "Yeah", "Btw", "Oh no"],
        [
            "are you coming to dinner tonight",
            "I am still on the bus",
            "can you pick up some milk on your way home",
            "the meeting got moved to three",
            "did you watch the match",
            "I will be late again, traffic is awful",
            "see you at the station",
            "how was the exam",
            "the cat is asleep on my keyboard",
            "do we still go running on Sunday",
            "I left my umbrella at your place",
            "what shall we cook tomorrow",
        ],
        ["xx", "see you later", "tell me when you are home", "thanks!", ":)", "no worries", "love you", "talk soon"],
    ),
    "spam": (
        ["URGENT!", "WINNER!!", "Congratulations!", "FREE entry!", "Dear customer,", "Final notice:", "Hot offer!"],
        [
            "you have been selected to receive a £{n} cash prize",
            "your mobile number has won a bonus of £{n}",
            "get {n} free ringtones and polyphonic tunes",
            "claim your holiday voucher worth £{n} today",
            "your account is due a refund of £{n}",
            "upgrade to the latest camera phone for free",
            "win a weekly draw with a guaranteed prize of £{n}",
        ],
        [
            "Call {m} now to claim. Valid 12 hrs only",
            "Txt WIN to {n} now. Cost 150p per msg",
            "Reply YES to claim, STOP to end. T&Cs apply",
            "To collect call our customer service on {m}",
            "Visit our web site to unsubscribe. Txt charges apply",
        ],
    ),
}


def messages(kind: str, number: int, generator: random.Random) -> list[str]:
    """`number` messages of a kind, `ham` or `spam`."""
    other = next(name for name in PHRASES if name != kind)
    return [_message(PHRASES[other if generator.random() < BLURRED else kind], generator) for _ in range(number)]


def _message(parts: tuple[list[str], ...], generator: random.Random) -> str:
    text = " ".join(generator.choice(part) for part in parts)
    number, mobile = generator.randrange(100, 10_000), generator.randrange(10**9)
    return text.replace("{n}", str(number)).replace("{m}", f"09{mobile:09}")


def write(folder: Path) -> None:
    generator = random.Random(SEED)  # noqa: S311 - nothing here is a secret
    folder.mkdir(parents=True, exist_ok=True)
    for kind, number in NUMBERS.items():
        lines = "\n".join(messages(kind, number, generator))
        (folder / kind).write_text(f"{lines}\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FOLDER")
    write(Path(sys.argv[1]))
