"""The paths through the train machine, its JSONata evaluated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from infra.training.state_machine import TrainStates

STATES = TrainStates(
    partition="aws",
    workload="digits",
    plan_function_arn="arn:plan",
    gate_function_arn="arn:gate",
    check_seconds=None,
    processing_seconds={},
    training_seconds=3600,
    tuning_rounds=None,
    evaluation_seconds=1800,
)
DEFINITION = STATES.definition()
TUNED = replace(STATES, processing_seconds={"frames": 600}, tuning_rounds=3).definition()
STEPWISE = replace(STATES, processing_seconds={"frames": 600, "bag-of-words": 60}).definition()
CHECKED = replace(STATES, check_seconds=900).definition()
RUN = {"workload": "digits", "dataset": "d1", "objects": [], "hyperparameters": {}}
PLAN = {
    "imported": False,
    "training_job": {"TrainingJobName": "t"},
    "evaluation_job": {"ProcessingJobName": "t-eval"},
    "champion": None,
}


class Cloud:
    def __init__(self, *, passed: bool) -> None:
        self._passed = passed
        self.failing: dict[str, Exception] = {}

    def __call__(self, state: str, arguments: Any) -> Any:
        if state in self.failing:
            raise self.failing[state]
        verdict = {
            "passed": self._passed,
            "reasons": [] if self._passed else ["accuracy 0.5 is below 0.9"],
            "verdict_uri": "s3://v",
            "model_package": {"ModelPackageGroupName": "g"},
        }
        answers = {"Plan": {"Payload": PLAN}, "Gate": {"Payload": verdict}, "Register": {"ModelPackageArn": "arn:p/1"}}
        return answers.get(state, {})


def test_a_model_that_passes_is_registered(walk: Any) -> None:
    done = walk(DEFINITION, Cloud(passed=True)).run(RUN)
    assert done.visited == ["Plan", "Imported?", "Train", "Evaluate", "Gate", "Passed?", "Register"]
    assert done.output == {
        "outcome": "registered",
        "reasons": [],
        "verdict_uri": "s3://v",
        "model_package_arn": "arn:p/1",
    }


def test_each_step_is_given_what_the_contract_says(walk: Any) -> None:
    done = walk(DEFINITION, Cloud(passed=True)).run(RUN)
    assert done.arguments["Plan"]["Payload"] == {**RUN, "run": "run-1"}
    assert done.arguments["Train"] == PLAN["training_job"]
    assert done.arguments["Evaluate"] == PLAN["evaluation_job"]
    assert done.arguments["Gate"]["Payload"] == {**RUN, "run": "run-1", "plan": PLAN}
    assert done.arguments["Register"] == {"ModelPackageGroupName": "g"}


def test_a_model_that_does_not_pass_ends_the_run_without_failing_it(walk: Any) -> None:
    done = walk(DEFINITION, Cloud(passed=False)).run(RUN)
    assert done.visited[-1] == "Rejected"
    assert done.failure is None
    assert done.output == {"outcome": "rejected", "reasons": ["accuracy 0.5 is below 0.9"], "verdict_uri": "s3://v"}


@pytest.mark.parametrize("step", ["Plan", "Train", "Evaluate", "Gate", "Register"])
def test_a_failed_step_ends_the_run_with_its_cause(walk: Any, task_error: Any, step: str) -> None:
    cloud = Cloud(passed=True)
    cloud.failing[step] = task_error("Some.Error", 'a cause with "quotes"')
    done = walk(DEFINITION, cloud).run(RUN)
    assert done.failure == ("Some.Error", 'a cause with "quotes"')
    assert done.visited[-1] == step  # where a redrive goes on


def test_processing_steps_run_one_after_the_other_before_the_training(walk: Any) -> None:
    jobs = {"frames": {"ProcessingJobName": "t-frames"}, "bag-of-words": {"ProcessingJobName": "t-bag-of-words"}}

    def answer(state: str, arguments: Any) -> Any:
        planned = {**PLAN, "processing_jobs": jobs}
        return {"Payload": planned} if state == "Plan" else Cloud(passed=True)(state, arguments)

    done = walk(STEPWISE, answer).run(RUN)
    assert done.visited[:5] == ["Plan", "Process frames", "Process bag-of-words", "Imported?", "Train"]
    assert done.arguments["Process frames"] == jobs["frames"]
    assert done.arguments["Process bag-of-words"] == jobs["bag-of-words"]
    assert done.output["outcome"] == "registered"


def test_a_failed_processing_step_ends_the_run_before_the_training(walk: Any, task_error: Any) -> None:
    cloud = Cloud(passed=True)
    cloud.failing["Process bag-of-words"] = task_error("Some.Error", "cause")
    with_jobs = {**PLAN, "processing_jobs": {"frames": {"x": 1}, "bag-of-words": {"x": 2}}}
    done = walk(STEPWISE, lambda name, given: {"Payload": with_jobs} if name == "Plan" else cloud(name, given)).run(RUN)
    assert done.visited[-1] == "Process bag-of-words"


def test_each_processing_step_has_its_own_time() -> None:
    states = STEPWISE["States"]
    seconds = [states[f"Process {name}"]["TimeoutSeconds"] for name in ("frames", "bag-of-words")]
    assert seconds == [600 + 1800, 60 + 1800]


SEARCH = {
    "job": {"HyperParameterTuningJobName": "tail-1234"},
    "hyperparameters": {"epochs": "3"},
    "models_uri": "s3://artifacts/digits/training/",
}
HOLDOUT = {"InputName": "holdout", "S3Input": {"S3Uri": "s3://data/test/", "LocalPath": "/h"}}
CHALLENGER = {"InputName": "challenger", "S3Input": {"S3Uri": "s3://artifacts/none", "LocalPath": "/c"}}
BEST = {
    "TrainingJobName": "tail-1234-004-abcd",
    "TunedHyperParameters": {"hidden": "16", "network": "vgg"},
    "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "accuracy", "Type": "Maximize", "Value": 0.99},
}


class TuningCloud(Cloud):
    def __call__(self, state: str, arguments: Any) -> Any:
        evaluation = {"ProcessingJobName": "t-eval", "ProcessingInputs": [CHALLENGER, HOLDOUT]}
        planned = {**PLAN, "training_job": None, "tuning": SEARCH, "evaluation_job": evaluation}
        answers = {
            "Plan": {"Payload": {**planned, "processing_jobs": {"frames": {"x": 1}}}},
            "Tune": {"HyperParameterTuningJobName": "tail-1234", "BestTrainingJob": BEST},
        }
        given = super().__call__(state, arguments)
        return answers.get(state, given)


def test_a_search_takes_the_place_of_the_training(walk: Any) -> None:
    done = walk(TUNED, TuningCloud(passed=True)).run(RUN)
    assert done.visited == ["Plan", "Process frames", "Imported?", "Tune", "Evaluate", "Gate", "Passed?", "Register"]
    assert done.arguments["Tune"] == SEARCH["job"]
    assert done.output["outcome"] == "registered"


def test_the_best_training_jobs_model_is_evaluated_and_gated(walk: Any) -> None:
    done = walk(TUNED, TuningCloud(passed=True)).run(RUN)
    model = "s3://artifacts/digits/training/tail-1234-004-abcd/output/model.tar.gz"
    challenger = {**CHALLENGER, "S3Input": {"S3Uri": model, "LocalPath": "/c"}}
    assert done.arguments["Evaluate"] == {"ProcessingJobName": "t-eval", "ProcessingInputs": [challenger, HOLDOUT]}
    plan = done.arguments["Gate"]["Payload"]["plan"]
    assert plan["model_uri"] == model
    assert plan["training_job"] == {
        "TrainingJobName": "tail-1234-004-abcd",
        "HyperParameters": {"epochs": "3", "hidden": "16", "network": "vgg"},
    }
    assert plan["tuned"] == {
        "tuning_job": "tail-1234",
        "objective": BEST["FinalHyperParameterTuningJobObjectiveMetric"],
    }


def test_a_search_that_fails_ends_the_run(walk: Any, task_error: Any) -> None:
    cloud = TuningCloud(passed=True)
    cloud.failing["Tune"] = task_error("States.TaskFailed", "No objective metrics found")
    done = walk(TUNED, cloud).run(RUN)
    assert done.failure == ("States.TaskFailed", "No objective metrics found")


def test_a_search_has_time_for_each_round_of_its_training_jobs() -> None:
    assert TUNED["States"]["Tune"]["TimeoutSeconds"] == 3 * (3600 + 1800)


def checked(message: str) -> Any:
    """Answers of a cloud whose check ends with `message`."""

    def answer(state: str, arguments: Any) -> Any:
        planned = {**PLAN, "check_job": {"ProcessingJobName": "t-check"}, "processing_jobs": {"frames": {"x": 1}}}
        answers = {"Plan": {"Payload": planned}, "Check": {"ExitMessage": message}}
        return answers[state] if state in answers else Cloud(passed=True)(state, arguments)

    return answer


def test_data_that_are_accepted_go_on_to_what_comes_first(walk: Any) -> None:
    done = walk(CHECKED, checked("Accepted: 0 of 2 files are bad.")).run(RUN)
    assert done.visited[:5] == ["Plan", "Check", "Accepted?", "Imported?", "Train"]
    assert done.arguments["Check"] == {"ProcessingJobName": "t-check"}
    assert done.output["outcome"] == "registered"
    processed = replace(STATES, check_seconds=900, processing_seconds={"frames": 60}).definition()
    done = walk(processed, checked("Accepted: 1 of 2 files are bad. train/a.csv: Refused: x.")).run(RUN)
    assert done.visited[2:6] == ["Accepted?", "Process frames", "Imported?", "Train"]


def test_data_that_are_refused_end_the_run_with_what_is_wrong_with_them(walk: Any) -> None:
    message = "Refused: 1 of 2 files are bad. train/a.csv, row 3, column age: is not an int."
    done = walk(CHECKED, checked(message)).run(RUN)
    assert done.visited == ["Plan", "Check", "Accepted?", "Refused"]
    assert done.failure == ("BadData", message)


def test_a_check_without_a_verdict_ends_the_run(walk: Any, task_error: Any) -> None:
    for message in ("", "Killed"):
        done = walk(CHECKED, checked(message)).run(RUN)
        assert (done.failure[0], "Train" in done.visited) == ("BadData", False)


def test_a_search_begins_with_data_that_are_accepted(walk: Any) -> None:
    cloud = TuningCloud(passed=True)

    def answer(state: str, arguments: Any) -> Any:
        given = cloud(state, arguments)
        planned = {"Payload": {**given["Payload"], "check_job": {"x": 1}}} if state == "Plan" else given
        return {"ExitMessage": "Accepted: 0 of 2 files are bad."} if state == "Check" else planned

    searched = replace(STATES, check_seconds=900, tuning_rounds=3).definition()
    assert walk(searched, answer).run(RUN).visited[:5] == ["Plan", "Check", "Accepted?", "Imported?", "Tune"]


@pytest.mark.parametrize("definition", [DEFINITION, TUNED], ids=["training", "tuning"])
def test_an_imported_model_is_judged_and_registered_without_training(walk: Any, definition: Any) -> None:
    class Imported(Cloud):
        def __call__(self, state: str, arguments: Any) -> Any:
            planned = {**PLAN, "imported": True, "processing_jobs": {"frames": {}}, "tuning": None}
            return {"Payload": planned} if state == "Plan" else super().__call__(state, arguments)

    done = walk(definition, Imported(passed=True)).run(RUN)
    assert not {"Train", "Tune"} & set(done.visited)
    assert done.visited[-5:] == ["Imported?", "Evaluate", "Gate", "Passed?", "Register"]
    assert done.output["outcome"] == "registered"


RUN12 = "0123456789ab"
JOB = f"slipway-dev-digits-{RUN12}"
WHOLE = replace(STATES, check_seconds=900, processing_seconds={"bag-of-words": 60})
TRAINED = "s3://artifacts/digits/training/{}/output/model.tar.gz"


class WholeCloud(Cloud):
    """With all that a manifest may ask for. A job's name is given away once, as SageMaker does it."""

    def __init__(self, task_error: Any) -> None:
        super().__init__(passed=True)
        self._task_error, self._names = task_error, set()
        self.asked: list[str] = []

    def __call__(self, state: str, arguments: Any) -> Any:
        self.asked.append(state)
        name = next((arguments[key] for key in arguments if key.endswith("JobName")), None)
        if name in self._names:
            raise self._task_error("SageMaker.ResourceInUseException", f"{name} exists")
        self._names |= {name} - {None}
        given = super().__call__(state, arguments)
        plan = {
            **PLAN,
            "check_job": {"ProcessingJobName": f"{JOB}-check"},
            "processing_jobs": {"bag-of-words": {"ProcessingJobName": f"{JOB}-bag-of-words"}},
            "training_job": {"TrainingJobName": JOB, "HyperParameters": {"epochs": "3"}},
            "tuning": {**SEARCH, "job": {"HyperParameterTuningJobName": f"lightning-1a2b3c4d-{RUN12}"}},
            "evaluation_job": {"ProcessingJobName": f"{JOB}-eval", "ProcessingInputs": [CHALLENGER, HOLDOUT]},
        }
        answers = {
            "Plan": {"Payload": plan},
            "Check": {"ExitMessage": "Accepted: all."},
            "Train": {"TrainingJobName": name, "ModelArtifacts": {"S3ModelArtifacts": TRAINED.format(name)}},
            "Tune": {"HyperParameterTuningJobName": name, "BestTrainingJob": BEST},
        }
        return answers.get(state, given)


@pytest.mark.parametrize("rounds", [None, 3])
def test_whichever_state_fails_a_redrive_goes_on_from_it_and_repeats_nothing(
    walk: Any, task_error: Any, rounds: int | None
) -> None:
    definition = replace(WHOLE, tuning_rounds=rounds).definition()
    tasks = [name for name, state in definition["States"].items() if state["Type"] == "Task"]
    assert len(tasks) == 7
    for failing in tasks:
        cloud = WholeCloud(task_error)
        cloud.failing[failing] = task_error("Some.Error", "cause")
        done = walk(definition, cloud).run(RUN)
        assert done.failure == ("Some.Error", "cause")
        before = list(cloud.asked)
        done.redrive()  # it fails again
        assert (done.failure, done.visited) == (("Some.Error", "cause"), [failing])
        cloud.failing.clear()
        cloud.asked.clear()
        done.redrive()
        assert (done.failure, done.output["outcome"]) == (None, "registered")
        assert cloud.asked[0] == failing
        assert set(before) & set(cloud.asked) == {failing}


def test_a_redriven_job_has_a_name_of_its_own_and_what_follows_takes_its_model(walk: Any, task_error: Any) -> None:
    cloud = WholeCloud(task_error)
    cloud.failing["Train"] = task_error("Some.Error", "cause")
    done = walk(WHOLE.definition(), cloud).run(RUN)
    cloud.failing.clear()
    done.redrive()
    renamed = f"slipway-dev-digits-{RUN12[:10]}r1"
    assert done.arguments["Train"] == {"TrainingJobName": renamed, "HyperParameters": {"epochs": "3"}}
    challenger = {**CHALLENGER, "S3Input": {"S3Uri": TRAINED.format(renamed), "LocalPath": "/c"}}
    evaluation = {"ProcessingJobName": f"{renamed}-eval", "ProcessingInputs": [challenger, HOLDOUT]}
    assert done.arguments["Evaluate"] == evaluation
    plan = done.arguments["Gate"]["Payload"]["plan"]
    assert (plan["model_uri"], plan["training_job"]) == (TRAINED.format(renamed), done.arguments["Train"])
    assert plan["evaluation_job"] == evaluation
    assert plan["check_job"] == {"ProcessingJobName": f"{JOB}-check"}  # it was not repeated
