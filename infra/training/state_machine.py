"""State machine "train": from the versions of a data set to a registered model package, or a rejection.

`docs/contract.md` has the table of its states. The requests of its jobs and of the model package come whole from the
Lambdas that plan them, because every field of them depends on the manifest or the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from infra.states import (
    CAPACITY_RETRY,
    SAGEMAKER_RETRY,
    State,
    catch_all,
    finding,
    integration,
    invoke,
    report_failure,
    task,
)

JOB_OVERHEAD_SECONDS = 1800
"""What a job may take beyond its own limit: finding instances, pulling the image, uploading the model."""


_PLAN_OF_BEST = (
    "{% ($best := $states.result.BestTrainingJob;"
    " $uri := $plan.tuning.models_uri & $best.TrainingJobName & '/output/model.tar.gz';"
    " $ofBest := function($input) { $input.InputName = 'challenger'"
    " ? $merge([$input, {'S3Input': $merge([$input.S3Input, {'S3Uri': $uri}])}]) : $input };"
    " $merge([$plan, {"
    " 'training_job': {'TrainingJobName': $best.TrainingJobName,"
    " 'HyperParameters': $merge([$plan.tuning.hyperparameters, $best.TunedHyperParameters])},"
    " 'model_uri': $uri,"
    " 'evaluation_job': $merge([$plan.evaluation_job,"
    " {'ProcessingInputs': $map($plan.evaluation_job.ProcessingInputs, $ofBest)}]),"
    " 'tuned': {'tuning_job': $states.result.HyperParameterTuningJobName,"
    " 'objective': $best.FinalHyperParameterTuningJobObjectiveMetric}}])) %}"
)
"""The plan, now that it is known which training job is the best: its model is evaluated, gated and registered."""


@dataclass(frozen=True, kw_only=True)
class TrainStates:
    """What the definition refers to. Seconds are the limits of the jobs themselves."""

    partition: str
    workload: str
    plan_function_arn: str
    gate_function_arn: str
    alerts_topic_arn: str
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
                "Evaluate": self._job(
                    "Evaluate", "createProcessingJob", "evaluation_job", self.evaluation_seconds, "Gate"
                ),
                "Gate": self._gate(),
                "Passed?": {
                    "Type": "Choice",
                    "Choices": [{"Condition": "{% $verdict.passed %}", "Next": "Register"}],
                    "Default": "Rejected",
                },
                "Register": self._register(),
                "Rejected": {"Type": "Succeed"},
                **report_failure(
                    partition=self.partition,
                    topic_arn=self.alerts_topic_arn,
                    subject=f"Slipway: training {self.workload} failed",
                ),
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
            catch=catch_all("Plan", "ReportFailure"),
            Assign={"run": f"{{% {run} %}}", "plan": "{% $states.result.Payload %}"},
            Next=next(iter({**self._check(), **self._processing(), **self._training()})),
        )

    def _check(self) -> dict[str, State]:
        """The check's job succeeds whatever it finds, so that its report is kept; its message has the verdict."""
        if self.check_seconds is None:
            return {}
        then = next(iter({**self._processing(), **self._training()}))
        accepted = "{% $substringBefore($checked, ':') = 'Accepted' %}"
        job = self._job("Check", "createProcessingJob", "check_job", self.check_seconds, "Accepted?")
        return {
            "Check": {**job, "Assign": {"checked": "{% $states.result.ExitMessage %}"}},
            "Accepted?": {
                "Type": "Choice",
                "Choices": [{"Condition": accepted, "Next": then}],
                "Default": "Refused",
            },
            "Refused": finding("Check", "BadData", "$checked", "ReportFailure"),
        }

    def _processing(self) -> dict[str, State]:
        """One state a step, one after the other."""
        names = list(self.processing_seconds)
        return {
            processing_state(name): self._job(
                processing_state(name),
                "createProcessingJob",
                f"processing_jobs.`{name}`",
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
            return {"Train": self._job("Train", "createTrainingJob", "training_job", self.training_seconds, "Evaluate")}
        tune = self._job("Tune", "createHyperParameterTuningJob", "tuning.job", self._tuning_seconds, "Evaluate")
        return {"Tune": {**tune, "Assign": {"plan": _PLAN_OF_BEST}}}

    @property
    def _tuning_seconds(self) -> int:
        """Of all rounds, with the overhead of all but the last, which every job is given."""
        rounds = self.tuning_rounds or 1
        return rounds * (self.training_seconds + JOB_OVERHEAD_SECONDS) - JOB_OVERHEAD_SECONDS

    def _job(self, name: str, action: str, request: str, seconds: int, then: str) -> State:
        return task(
            resource=integration(self.partition, f"sagemaker:{action}.sync"),
            arguments=f"{{% $plan.{request} %}}",
            timeout=seconds + JOB_OVERHEAD_SECONDS,
            retry=[SAGEMAKER_RETRY, CAPACITY_RETRY],
            catch=catch_all(name, "ReportFailure"),
            Next=then,
        )

    def _gate(self) -> State:
        return invoke(
            partition=self.partition,
            function_arn=self.gate_function_arn,
            payload="{% $merge([$run, {'plan': $plan}]) %}",
            timeout=60,
            retry=[],
            catch=catch_all("Gate", "ReportFailure"),
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
            catch=catch_all("Register", "ReportFailure"),
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
