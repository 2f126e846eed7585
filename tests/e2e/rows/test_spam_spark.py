"""spam_spark through the deployed stack, on its sample data; and scoring a file in bulk."""

from __future__ import annotations

import json

SPAM = "WINNER!! your mobile number has won a bonus of £900. Call 09061234567 now to claim"
HAM = "Hi mum, I am still on the bus, see you later"


def test_spam_spark_learns_from_what_spark_made_and_answers_texts(row) -> None:
    spam = row("spam_spark")
    outcome = spam.train()
    assert outcome["metrics"]["accuracy"] >= 0.9
    answer = spam.predict(json.dumps({"instances": [SPAM, HAM]}).encode())
    assert answer["model_version"] == outcome["model_version"]
    assert [prediction["label"] for prediction in answer["predictions"]] == ["spam", "ham"]


def test_a_file_is_scored_row_by_row_in_its_own_format(row, tmp_path) -> None:
    spam = row("spam_spark")
    texts = [SPAM, HAM] * 500
    lines = [{"id": number, "text": text} for number, text in enumerate(texts)]
    (tmp_path / "texts.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    (tmp_path / "texts.csv").write_text("".join(f'"{text}"\n' for text in texts))
    out = tmp_path / "out"
    for name in ("texts.jsonl", "texts.csv"):
        done = spam.slipway.json("batch", "spam_spark", str(tmp_path / name), "--out", str(out), "--json")
        assert done["files"] == [str(out / f"{name}.out")]
    scored = [json.loads(line) for line in (out / "texts.jsonl.out").read_text().splitlines()]
    assert [line["id"] for line in scored] == list(range(len(texts)))
    assert [line["SageMakerOutput"]["label"] for line in scored] == ["spam", "ham"] * 500
    rows = (out / "texts.csv.out").read_text().splitlines()
    assert [row.split(",")[-2] for row in rows] == ["spam", "ham"] * 500
    left = spam.slipway.client("sagemaker").list_models(NameContains="spam-spark-batch")["Models"]
    assert left == []


def test_a_row_that_the_model_refuses_fails_the_batch_and_is_told(row, tmp_path) -> None:
    spam = row("spam_spark")
    (tmp_path / "texts.jsonl").write_text('{"text": "fine"}\n{"words": "none"}\n')
    done = spam.slipway.run("batch", "spam_spark", str(tmp_path / "texts.jsonl"), "--out", str(tmp_path), ok=False)
    assert done.returncode == 1
    assert "instances[1]: expected a text" in done.stderr
    assert not (tmp_path / "texts.jsonl.out").exists()
