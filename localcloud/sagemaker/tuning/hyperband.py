"""HyperbandStrategyConfig, whose maximum may follow from a static hyperparameter with the number of epochs."""

from __future__ import annotations

from typing import Any

from localcloud.sagemaker.tuning.definition import Definition
from localcloud.sagemaker.tuning.stopping import Hyperband

_EPOCHS = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")


def read_hyperband(config: dict[str, Any], definition: Definition) -> Hyperband:
    """Raises ValueError where no maximum is given or found, or where it is below the minimum."""
    given = config.get("StrategyConfig", {}).get("HyperbandStrategyConfig", {})
    maximum = given.get("MaxResource") or _epochs(definition.body.get("StaticHyperParameters", {}))
    minimum = given.get("MinResource", 1)
    if maximum is None:
        raise ValueError(
            "MaxResource must be specified in HyperbandStrategyConfig, or one of the static hyperparameters "
            f"{', '.join(_EPOCHS)} as a number"
        )
    if minimum > maximum:
        raise ValueError(f"MinResource, [{minimum}], must be less than or equal to MaxResource, [{maximum}]")
    return Hyperband(minimum=minimum, maximum=maximum)


def _epochs(static: dict[str, str]) -> int | None:
    return next((int(static[name]) for name in _EPOCHS if static.get(name, "").isdecimal()), None)
