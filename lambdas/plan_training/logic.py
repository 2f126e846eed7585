"""What a run will do, as plain data: nothing is created here."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from shared import descriptor as descriptors
from shared.descriptor import Descriptor
from shared.fields import take, take_matching
from shared.names import DATASET, IMPORTED_MODEL, RUN, WORKLOAD

from plan_training import champion as champions
from plan_training import places, requests
from plan_training.checks import check_job
from plan_training.hyperparameters import resolve
from plan_training.places import Run
from plan_training.processing import processing_jobs
from plan_training.tuning import tuning


def plan(
    event: dict[str, Any],
    *,
    ssm: Any,
    s3: Any,
    sagemaker: Any,
    workloads_path: str,
    check: Callable[[dict[str, Any], Descriptor], None],
) -> dict[str, Any]:
    """The state's output: the requests of the run's jobs, the places of evaluation and model, and the champion.
    `check` raises for a run that must not begin.
    """
    run = Run(
        workload=take_matching(event, "workload", WORKLOAD),
        dataset=take_matching(event, "dataset", DATASET),
        name=take_matching(event, "run", RUN),
        imported_model=take_matching(event, "imported_model", IMPORTED_MODEL) if "imported_model" in event else None,
    )
    overrides = take(event, "hyperparameters", dict)
    descriptor = descriptors.read(ssm, path=workloads_path, workload=run.workload)
    with ThreadPoolExecutor(1) as pool:  # whom it must beat is asked for beside whether it may begin
        asked = pool.submit(champions.find, sagemaker, s3, descriptor, run=run.name)
        check(event, descriptor)
    champion = asked.result()
    hyperparameters = resolve(descriptor["training"]["hyperparameters"], overrides)
    training_job = _nothing_to_train(run) or requests.training_job(descriptor, run, hyperparameters)
    tuned = None if run.imported_model else tuning(descriptor, run, training_job, overrides)
    compared = champion and not champion["own"] and not champion["lost"]
    return {
        "check_job": check_job(descriptor, run),
        "processing_jobs": processing_jobs(descriptor, run),
        "imported": run.imported_model is not None,
        "training_job": None if tuned else training_job,
        "tuning": tuned,
        "evaluation_job": requests.evaluation_job(
            descriptor, run, champion_uri=champion["model_uri"] if compared else None
        ),
        "evaluation_uri": places.evaluation_uri(descriptor, run),
        "model_uri": places.model_uri(descriptor, run),
        "champion": champion,
    }


def _nothing_to_train(run: Run) -> dict[str, Any] | None:
    """What later states read of a training job's request, for a model that none made."""
    return {"TrainingJobName": run.imported_model, "HyperParameters": {}} if run.imported_model else None
