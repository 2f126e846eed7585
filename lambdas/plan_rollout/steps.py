"""The steps of a rollout, which the state machine takes one after the other (docs/contract.md, "Steps of a rollout").

SageMaker itself moves the traffic of all_at_once, canary, linear and rolling, and goes back when an alarm rings: one
step. For shadow and ab the machine does it, step by step.
"""

from typing import Any

from shared.descriptor import Descriptor

from plan_rollout import requests
from plan_rollout.scaling import bounded
from plan_rollout.serving import Serving, Variant, split_config

Step = dict[str, Any]
_SPLIT_VARIANTS = ("blue", "green")


def create(descriptor: Descriptor, *, name: str, version: int) -> list[Step]:
    """The first model: there is no traffic to move yet."""
    variant = first_variant(descriptor)
    config = requests.endpoint_config(
        descriptor, name=name, version=version, production=[requests.variant(descriptor, name=variant, model=name)]
    )
    request = requests.create_endpoint(descriptor, config=name)
    return [_step("create", "create", config=config, request=request, models={variant: name}, ask=variant)]


def replace(descriptor: Descriptor, serving: Serving, *, name: str, version: int, careful: bool = True) -> list[Step]:
    """From what serves to the model `name`: by the strategy of the manifest, or at once when not `careful`."""
    strategy = descriptor["rollout"]["strategy"] if careful else "all_at_once"
    if strategy == "shadow":
        # The comparison was the guard; what follows is one fleet in the place of another.
        taken_over = _whole(
            descriptor, serving, name=name, version=version, variant=serving.champion.name, careful=False
        )
        return [_shadow(descriptor, serving, name=name, version=version), *taken_over]
    if strategy == "ab":
        return _split(descriptor, serving, name=name, version=version)
    return _whole(descriptor, serving, name=name, version=version, variant=first_variant(descriptor), careful=careful)


def promote(descriptor: Descriptor, serving: Serving, winner: Variant, *, name: str) -> list[Step]:
    """One of several variants takes all traffic, and the others go."""
    version = int(winner.version or 0)
    return _whole(
        descriptor, serving, name=name, version=version, variant=winner.name, model=winner.model, careful=False
    )


def shift(descriptor: Descriptor, serving: Serving, weights: dict[str, float]) -> list[Step]:
    """Other weights for the variants that serve."""
    request = requests.update_weights(descriptor, weights)
    back = requests.update_weights(descriptor, {variant.name: variant.weight for variant in serving.variants})
    shown = ", ".join(f"{variant} {weight:g}" for variant, weight in sorted(weights.items()))
    models = {variant.name: variant.model for variant in serving.variants}
    step = _step(f"traffic {shown}", "weights", request=request, models=models, retreat=back)
    return [{**step, "config": serving.config_name}]


def first_variant(descriptor: Descriptor) -> str:
    """The name of the variant that serves alone."""
    return _SPLIT_VARIANTS[0] if descriptor["rollout"]["strategy"] == "ab" else descriptor["serving"]["variant"]


def _whole(
    descriptor: Descriptor,
    serving: Serving,
    *,
    name: str,
    version: int,
    variant: str,
    model: str | None = None,
    careful: bool = True,
) -> list[Step]:
    """One variant with one model; by deployment guardrails where SageMaker takes them."""
    production = requests.variant(descriptor, name=variant, model=model or name, instances=_largest(serving))
    config = requests.endpoint_config(descriptor, name=name, version=version, production=[production])
    # Guardrails want the same variant names before and after.
    stays = [present.name for present in serving.variants] == [variant]
    request = requests.update_endpoint(
        descriptor, config=name, guarded=careful and stays, keep_size=stays and _keeps_size(descriptor, serving)
    )
    return [_step("update", "update", config=config, request=request, models={variant: model or name}, ask=variant)]


def _shadow(descriptor: Descriptor, serving: Serving, *, name: str, version: int) -> Step:
    rollout, champion = descriptor["rollout"], serving.champion
    config = requests.endpoint_config(
        descriptor,
        name=f"{name}-shadow",
        version=version,
        production=[
            requests.variant(
                descriptor, name=champion.name, model=champion.model, instances=serving.scaled_to(champion)
            )
        ],
        shadow=[
            requests.variant(
                descriptor,
                name="shadow",
                model=name,
                instances=serving.scaled_to(champion),
                weight=rollout["mirror_percent"] / 100,
            )
        ],
    )
    return _step(
        "shadow",
        "update",
        config=config,
        request=requests.update_endpoint(
            descriptor, config=f"{name}-shadow", guarded=False, keep_size=_keeps_size(descriptor, serving)
        ),
        models={champion.name: champion.model},
        watch_seconds=rollout["watch_seconds"],
        compare={"champion": champion.name, "challenger": "shadow", "max_latency_ratio": rollout["max_latency_ratio"]},
    )


def _split(descriptor: Descriptor, serving: Serving, *, name: str, version: int) -> list[Step]:
    """Champion and challenger side by side; the challenger alone at the end, when its last share is 100 %."""
    rollout, champion = descriptor["rollout"], serving.champion
    challenger = next(variant for variant in _SPLIT_VARIANTS if variant != champion.name)
    shares = [share for share in rollout["steps"] if share < 100]
    steps = []
    for number, share in enumerate(shares):
        weights = {champion.name: 100.0 - share, challenger: float(share)}
        if number == 0:
            step = _first_share(descriptor, serving, challenger, weights, name=name, version=version)
        else:
            request = requests.update_weights(descriptor, weights)
            step = {**_step(f"share {share} %", "weights", request=request), "config": split_config(name)}
        steps.append(
            {
                **step,
                "models": {champion.name: champion.model, challenger: name},
                "ask": challenger,
                "watch_seconds": rollout["watch_seconds"],
                "compare": {
                    "champion": champion.name,
                    "challenger": challenger,
                    "max_latency_ratio": rollout["max_latency_ratio"],
                },
                "retreat": requests.update_weights(descriptor, {champion.name: 100.0, challenger: 0.0}),
            }
        )
    if rollout["steps"][-1] == 100:
        steps += _whole(descriptor, serving, name=name, version=version, variant=challenger, careful=False)
    return steps


def _first_share(
    descriptor: Descriptor,
    serving: Serving,
    challenger: str,
    weights: dict[str, float],
    *,
    name: str,
    version: int,
) -> Step:
    champion = serving.champion
    models = {champion.name: champion.model, challenger: name}
    config = requests.endpoint_config(
        descriptor,
        name=split_config(name),
        version=version,
        production=[
            requests.variant(
                descriptor,
                name=variant,
                model=model,
                instances=serving.scaled_to(champion),
                weight=weights[variant],
            )
            for variant, model in models.items()
        ],
    )
    request = requests.update_endpoint(
        descriptor, config=split_config(name), guarded=False, keep_size=_keeps_size(descriptor, serving)
    )
    return _step(f"share {weights[challenger]:g} %", "update", config=config, request=request)


def _keeps_size(descriptor: Descriptor, serving: Serving) -> bool:
    """Whether a champion that stays keeps its size: somebody chose it, and it is one that the manifest allows still."""
    champion = serving.champion
    if champion.instance_type != descriptor["serving"]["instance_type"] or not champion.instances:
        return False
    return serving.scaled_to(champion) is not None and bounded(descriptor, champion.instances) == champion.instances


def _largest(serving: Serving) -> int | None:
    """What one variant has to be scaled to that takes the traffic of all."""
    sizes = (serving.scaled_to(variant) for variant in serving.variants)
    return max((size for size in sizes if size), default=None)


def _step(
    name: str,
    action: str,
    *,
    request: dict[str, Any],
    config: dict[str, Any] | None = None,
    models: dict[str, str] | None = None,
    ask: str | None = None,
    watch_seconds: int = 0,
    compare: dict[str, Any] | None = None,
    retreat: dict[str, Any] | None = None,
) -> Step:
    return {
        "name": name,
        "action": action,
        "endpoint_config": config,
        "request": request,
        "config": config["EndpointConfigName"] if config else None,
        "models": models or {},
        "ask": ask,
        "watch_seconds": watch_seconds,
        "compare": compare,
        "retreat": retreat,
    }
