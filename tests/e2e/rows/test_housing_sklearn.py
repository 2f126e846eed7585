"""Row 4 on the deployed stack."""

from __future__ import annotations

import pytest


def test_a_model_of_the_sample_data_answers_rows_of_csv_with_prices(row):
    housing = row("housing_sklearn")
    outcome = housing.train()
    assert outcome["metrics"]["r2"] >= 0.75
    header, *lines = (housing.data / "test.csv").read_text().splitlines()
    rows = "".join(f"{line.rpartition(',')[0]}\n" for line in lines)
    answer = housing.predict(rows.encode(), "text/csv")
    assert answer["model_version"] == outcome["model_version"]
    prices = [float(line.rpartition(",")[2]) for line in lines]
    errors = [(ours - price) ** 2 for ours, price in zip(answer["predictions"], prices, strict=True)]
    assert sum(errors) / len(errors) == pytest.approx(outcome["metrics"]["mse"])
    first = dict(zip(header.split(",")[:-1], map(float, lines[0].split(",")), strict=False))
    named = housing.slipway.predict("housing_sklearn", {"instances": [first]}).body["predictions"]
    assert named == pytest.approx(answer["predictions"][:1])
    rows_file = housing.data / "rows.csv"
    rows_file.write_text(rows)
    as_csv = housing.slipway.run("predict", "housing_sklearn", str(rows_file), "--accept", "text/csv").stdout
    assert [float(line) for line in as_csv.split()] == pytest.approx(answer["predictions"])
