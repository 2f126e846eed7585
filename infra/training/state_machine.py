"""State machine "train": from the versions of a data set to a registered model package, or a rejection.

`docs/contract.md` has the table of its states. The requests of its jobs and of the model package come whole from the
Lambdas that plan them, because every field of them depends on the manifest or the run. No state catches a failure: the
execution fails in the state that failed, so that a redrive goes on from there; a rule tells people
(`infra/training/failures.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from infra.states import (
    CAPACITY_RETRY,
    SAGEMAKER_RETRY,
    State,
    integration,
    invoke,
    task,
)

JOB_OVERHEAD_SECONDS = 1800
"""What a job may take beyond its own limit: finding instances, pulling the image, uploading the model."""


_OF_MODEL = (
    " $ofModel := function($input) { $input.InputName = 'challenger'"
    " ? $merge([$input, {'S3Input': $merge([$input.S3Input, {'S3Uri': $uri}])}]) : $input };"
)
_EVALUATION_OF_MODEL = (
    " 'evaluation_job': $merge([$plan.evaluation_job,"
    " {'ProcessingInputs': $map($plan.evaluation_job.ProcessingInputs, $ofModel)}])"
)
_PLAN_OF_BEST = (
    "{% ($best := $states.result.BestTrainingJob;"
    " $uri := $plan.tuning.models_uri & $best.TrainingJobName & '/output/model.tar.gz';"
    f"{_OF_MODEL}"
    " $merge([$plan, {"
    " 'training_job': {'TrainingJobName': $best.TrainingJobName,"
    " 'HyperParameters': $merge([$plan.tuning.hyperparameters, $best.TunedHyperParameters])},"
    " 'model_uri': $uri,"
    f"{_EVALUATION_OF_MODEL},"
    " 'tuned': {'tuning_job': $states.result.HyperParameterTuningJobName,"
    " 'objective': $best.FinalHyperParameterTuningJobObjectiveMetric}}])) %}"
)
"""The plan, now that it is known which training job is the best: its model is evaluated, gated and registered."""

_IS_REDRIVEN = "$states.context.Execution.RedriveCount > 0"
_PLAN_OF_REDRIVEN = (
    f"{{% {_IS_REDRIVEN} ? ($uri := $states.result.ModelArtifacts.S3ModelArtifacts;"
    f"{_OF_MODEL}"
    " $merge([$plan, {"
    " 'training_job': $merge([$plan.training_job, {'TrainingJobName': $states.result.TrainingJobName}]),"
    " 'model_uri': $uri,"
    f"{_EVALUATION_OF_MODEL}}}])) : $plan %}}"
)
"""The plan, with the training job that a redrive made in the place of the one that failed."""


def _request(path: str, member: str, suffix: str) -> str:
    """Expression of the request at `path` of the plan. SageMaker gives a job's name away once, so a redriven execution
    takes another one: of the run's 12 digits before `suffix` the last two become `r1`, `r2` and so on.
    """
    name, kept = f"$request.{member}", len(suffix) + 2
    count = "$substring('0123456789abcdefghijklmnopqrstuvwxyz', $states.context.Execution.RedriveCount, 1)"
    other = f"$substring({name}, 0, $length({name}) - {kept}) & 'r' & {count} & '{suffix}'"
    renamed = f"$merge([$request, {{'{member}': {other}}}])"
    return f"($request := $plan.{path}; {_IS_REDRIVEN} ? {renamed} : $request)"


@dataclass(frozen=True, kw_only=True)
class TrainStates:
    """What the definition refers to. Seconds are the limits of the jobs themselves."""

    partition: str
    workload: str
    plan_function_arn: str
    gate_function_arn: str
    check_seconds: int | None
    """None without data checks."""
    processing_seconds: dict[str, int]
    """Of each processing step by its name, in the order in which they run."""
    training_seconds: int
    tuning_rounds: int | None
    """How many training jobs of the tuning job run one after the other; None: one training job, no tuning."""
    evaluation_seconds: int

    def definition(self) -> dict[str, Any]:
        return {
            "Comment": f"Trains, evaluates and registers {self.workload}",
            "QueryLanguage": "JSONata",
            "StartAt": "Plan",
            "States": {
                "Plan": self._plan(),
                **self._check(),
                **self._processing(),
                **self._training(),
                "Evaluate": self._processing_job("evaluation_job", "-eval", self.evaluation_seconds, "Gate"),
                "Gate": self._gate(),
                "Passed?": {
                    "Type": "Choice",
                    "Choices": [{"Condition": "{% $verdict.passed %}", "Next": "Register"}],
                    "Default": "Rejected",
                },
                "Register": self._register(),
                "Rejected": {"Type": "Succeed"},
            },
        }

    def _plan(self) -> State:
        run = "$merge([$states.input, {'run': $states.context.Execution.Name}])"
        return invoke(
            partition=self.partition,
            function_arn=self.plan_function_arn,
            payload=f"{{% {run} %}}",
            timeout=60,
            retry=[],
            catch=[],
            Assign={"run": f"{{% {run} %}}", "plan": "{% $states.result.Payload %}"},
            Next=next(iter({**self._check(), **self._processing(), **self._training()})),
        )

    def _check(self) -> dict[str, State]:
        """The check's job succeeds whatever it finds, so that its report is kept; its message has the verdict."""
        if self.check_seconds is None:
            return {}
        then = next(iter({**self._processing(), **self._training()}))
        accepted = "{% $substringBefore($checked, ':') = 'Accepted' %}"
        job = self._processing_job("check_job", "-check", self.check_seconds, "Accepted?")
        return {
            "Check": {**job, "Assign": {**job["Assign"], "checked": "{% $states.result.ExitMessage %}"}},
            "Accepted?": {
                "Type": "Choice",
                "Choices": [{"Condition": accepted, "Next": then}],
                "Default": "Refused",
            },
            "Refused": {"Type": "Fail", "Error": "BadData", "Cause": "{% $checked %}"},
        }

    def _processing(self) -> dict[str, State]:
        """One state a step, one after the other."""
        names = list(self.processing_seconds)
        return {
            processing_state(name): self._processing_job(
                f"processing_jobs.`{name}`",
                f"-{name}",
                self.processing_seconds[name],
                processing_state(names[index]) if index < len(names) else next(iter(self._training())),
            )
            for index, name in enumerate(names, start=1)
        }

    def _training(self) -> dict[str, State]:
        """One training job or one tuning job, and before it the way around it of a model that was made elsewhere."""
        learning = self._learning()
        imported: State = {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $plan.imported %}", "Next": "Evaluate"}],
            "Default": next(iter(learning)),
        }
        return {"Imported?": imported, **learning}

    def _learning(self) -> dict[str, State]:
        if self.tuning_rounds is None:
            request = _request("training_job", "TrainingJobName", "")
            train = self._job("createTrainingJob", request, self.training_seconds, "Evaluate")
            return {"Train": {**train, "Assign": {"plan": _PLAN_OF_REDRIVEN}}}
        request = _request("tuning.job", "HyperParameterTuningJobName", "")
        tune = self._job("createHyperParameterTuningJob", request, self._tuning_seconds, "Evaluate")
        return {"Tune": {**tune, "Assign": {"plan": _PLAN_OF_BEST}}}

    @property
    def _tuning_seconds(self) -> int:
        """Of all rounds, with the overhead of all but the last, which every job is given."""
        rounds = self.tuning_rounds or 1
        return rounds * (self.training_seconds + JOB_OVERHEAD_SECONDS) - JOB_OVERHEAD_SECONDS

    def _processing_job(self, path: str, suffix: str, seconds: int, then: str) -> State:
        """The plan gets the name that the job had in the end, so that the verdict tells it."""
        request = _request(path, "ProcessingJobName", suffix)
        group, _, step = path.partition(".")
        known = f"$merge([$plan.{group}, {{'{step.strip('`')}': {request}}}])" if step else request
        job = self._job("createProcessingJob", request, seconds, then)
        return {**job, "Assign": {"plan": f"{{% $merge([$plan, {{'{group}': {known}}}]) %}}"}}

    def _job(self, action: str, request: str, seconds: int, then: str) -> State:
        return task(
            resource=integration(self.partition, f"sagemaker:{action}.sync"),
            arguments=f"{{% {request} %}}",
            timeout=seconds + JOB_OVERHEAD_SECONDS,
            retry=[SAGEMAKER_RETRY, CAPACITY_RETRY],
            catch=[],
            Next=then,
        )

    def _gate(self) -> State:
        return invoke(
            partition=self.partition,
            function_arn=self.gate_function_arn,
            payload="{% $merge([$run, {'plan': $plan}]) %}",
            timeout=60,
            retry=[],
            catch=[],
            Assign={"verdict": "{% $states.result.Payload %}"},
            Output=_outcome("{% $states.result.Payload.passed ? 'passed' : 'rejected' %}", "$states.result.Payload"),
            Next="Passed?",
        )

    def _register(self) -> State:
        return task(
            resource=integration(self.partition, "aws-sdk:sagemaker:createModelPackage"),
            arguments="{% $verdict.model_package %}",
            timeout=60,
            retry=[SAGEMAKER_RETRY],
            catch=[],
            Output={
                **_outcome("registered", "$verdict"),
                "model_package_arn": "{% $states.result.ModelPackageArn %}",
            },
            End=True,
        )


def processing_state(step: str) -> str:
    """The name of the state of a processing step."""
    return f"Process {step}"


def _outcome(outcome: str, verdict: str) -> dict[str, str]:
    """What a run says of itself; `verdict` is the expression of what the gate returned."""
    reasons, uri = f"{{% {verdict}.reasons %}}", f"{{% {verdict}.verdict_uri %}}"
    return {"outcome": outcome, "reasons": reasons, "verdict_uri": uri}
