"""Row 3 on the deployed stack."""

from __future__ import annotations


def test_raw_rows_of_the_data_file_get_probabilities(row):
    calls = row("direct_marketing_xgboost")
    outcome = calls.train(rounds=40)
    assert outcome["metrics"]["auc"] >= 0.8
    lines = (calls.data / "validation.csv").read_text().splitlines()
    without_label = [line.rpartition(",")[0] for line in lines]
    for body in ("\n".join(without_label[1:]), "\n".join(without_label)):  # without the header, and with it
        answer = calls.predict(body.encode(), "text/csv")
        assert answer["model_version"] == outcome["model_version"]
        right = sum(
            (probability > 0.5) == line.endswith(",1")
            for probability, line in zip(answer["predictions"], lines[1:], strict=True)
        )
        assert right / len(answer["predictions"]) == outcome["metrics"]["accuracy"]
