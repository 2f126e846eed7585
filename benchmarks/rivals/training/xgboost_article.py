"""The article's script: pandas, one-hot columns by get_dummies, XGBClassifier, a pickle. Argument: FOLDER."""

import pickle
import sys
from pathlib import Path

import pandas as pd
from xgboost import XGBClassifier

CATEGORICAL = ["job", "marital", "education", "default", "housing", "loan", "contact", "month", "day_of_week"]
CATEGORICAL.append("poutcome")


def main(folder: Path) -> None:
    train, validation = pd.read_csv(folder / "train.csv"), pd.read_csv(folder / "validation.csv")
    both = pd.get_dummies(pd.concat([train, validation]), columns=CATEGORICAL)
    train, validation = both[: len(train)], both[len(train) :]
    given, held_out = train.drop("y", axis=1), validation.drop("y", axis=1)
    model = XGBClassifier(
        n_estimators=100, max_depth=5, learning_rate=0.1, eval_metric="auc", early_stopping_rounds=10, random_state=1
    )
    model.fit(given, train["y"], eval_set=[(given, train["y"]), (held_out, validation["y"])], verbose=False)
    with (folder / "article.pickle").open("wb") as file:
        pickle.dump(model, file)
    print(f"validation_auc={model.best_score:.4f}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
