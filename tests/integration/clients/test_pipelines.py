"""SageMaker Pipelines with boto3: definitions as JSON, executed as real jobs, functions and messages."""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.clients import BYOC, IRIS, Account, account_in
from tests.support.embedded_cloud import EmbeddedCloud, allow, command, eventually, unique

_SECONDS = 60
_ROLE = [
    "sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob", "sagemaker:StopTrainingJob",
    "sagemaker:CreateProcessingJob", "sagemaker:DescribeProcessingJob", "sagemaker:StopProcessingJob",
    "sagemaker:CreateHyperParameterTuningJob", "sagemaker:DescribeHyperParameterTuningJob",
    "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
    "sagemaker:CreateTransformJob", "sagemaker:DescribeTransformJob", "sagemaker:CreateModel",
    "sagemaker:DescribeModel",
    "sagemaker:CreateModelPackage", "sagemaker:CreateModelPackageGroup", "sagemaker:DescribeModelPackage",
    "iam:PassRole", "s3:GetObject", "lambda:InvokeFunction", "sqs:SendMessage",
]  # fmt: skip


class Pipelines:
    """An account with an image that trains, and a role for pipelines."""

    def __init__(self, account: Account) -> None:
        self.account, self.cloud = account, account.cloud
        self.sagemaker = account.cloud.client("sagemaker")
        self.image = account.image("pipelines:1", BYOC)
        self.role = account.cloud.role(unique("pipeline"), "sagemaker.amazonaws.com", allow(_ROLE))
        account.put("iris/train.csv", IRIS)

    def create(self, *steps: dict[str, Any], role: str = "", **definition: Any) -> str:
        name = unique("Pipeline")
        text = json.dumps({"Version": "2020-12-01", "Metadata": {}, "Steps": list(steps)} | definition)
        self.sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=text, RoleArn=role or self.role)
        return name

    def start(self, name: str, parameters: dict[str, str] | None = None, **members: Any) -> str:
        given = [{"Name": key, "Value": value} for key, value in (parameters or {}).items()]
        return self.sagemaker.start_pipeline_execution(PipelineName=name, PipelineParameters=given, **members)[
            "PipelineExecutionArn"
        ]

    def describe(self, arn: str) -> dict[str, Any]:
        return self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)

    def steps(self, arn: str) -> dict[str, dict[str, Any]]:
        pages = self.sagemaker.get_paginator("list_pipeline_execution_steps").paginate(PipelineExecutionArn=arn)
        return {step["StepName"]: step for page in pages for step in page["PipelineExecutionSteps"]}

    def end(self, arn: str) -> str:
        """The status an execution ends with."""

        def ended() -> str | None:
            status = self.describe(arn)["PipelineExecutionStatus"]
            return status if status in ("Succeeded", "Failed", "Stopped") else None

        return eventually(ended, _SECONDS)

    def run(self, name: str, parameters: dict[str, str] | None = None, **members: Any) -> dict[str, dict[str, Any]]:
        """The steps of a new execution, which must succeed."""
        arn = self.start(name, parameters, **members)
        status, steps = self.end(arn), self.steps(arn)
        assert status == "Succeeded", {name: step.get("FailureReason") for name, step in steps.items()}
        return steps

    def training(self, name: str = "Train", **members: Any) -> dict[str, Any]:
        bucket = f"s3://{self.account.bucket}"
        source = {"S3DataType": "S3Prefix", "S3Uri": f"{bucket}/iris/", "S3DataDistributionType": "FullyReplicated"}
        arguments = {
            "AlgorithmSpecification": {
                "TrainingImage": self.image,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "classes", "Regex": "classes=([0-9]+);"}],
            },
            "RoleArn": self.account.role,
            "InputDataConfig": [{"ChannelName": "training", "DataSource": {"S3DataSource": source}}],
            "OutputDataConfig": {"S3OutputPath": f"{bucket}/trained"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 300},
            "HyperParameters": {"scale": "1"},
            **members.pop("arguments", {}),
        }
        return {"Name": name, "Type": "Training", "Arguments": arguments, **members}

    def processing(self, name: str, code: str, **members: Any) -> dict[str, Any]:
        output = {
            "OutputName": "out",
            "S3Output": {
                "S3Uri": f"s3://{self.account.bucket}/{unique(name)}",
                "LocalPath": "/opt/ml/processing/output/out",
                "S3UploadMode": "EndOfJob",
            },
        }
        cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
        arguments = {
            "AppSpecification": {"ImageUri": self.image, "ContainerEntrypoint": ["python3", "-c", code]},
            "RoleArn": self.account.role,
            "ProcessingResources": {"ClusterConfig": cluster},
            "ProcessingOutputConfig": {"Outputs": [output]},
            **members.pop("arguments", {}),
        }
        return {"Name": name, "Type": "Processing", "Arguments": arguments, **members}

    def function(self, body: str) -> str:
        """The ARN of a new Lambda function with this handler's body."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("index.py", f"def handler(event, context):\n    {body}\n")
        role = self.cloud.role(unique("function"), "lambda.amazonaws.com")
        return self.cloud.client("lambda").create_function(
            FunctionName=unique("function"),
            Runtime="python3.12",
            Handler="index.handler",
            Role=role,
            Code={"ZipFile": buffer.getvalue()},
        )["FunctionArn"]


@pytest.fixture(scope="module")
def pipelines(account: Account) -> Pipelines:
    return Pipelines(account)


def _reasons(pipelines: Pipelines, arn: str) -> dict[str, str | None]:
    return {name: step.get("FailureReason") for name, step in pipelines.steps(arn).items()}


def _fail(name: str, message: Any, **members: Any) -> dict[str, Any]:
    return {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": message}, **members}


def _condition(
    name: str, conditions: list[Any], then: list[Any], otherwise: list[Any], **members: Any
) -> dict[str, Any]:
    arguments = {"Conditions": conditions, "IfSteps": then, "ElseSteps": otherwise}
    return {"Name": name, "Type": "Condition", "Arguments": arguments, **members}


_REPORT = (
    "import json, pathlib; pathlib.Path('/opt/ml/processing/output/out/report.json')"
    ".write_text(json.dumps({'metrics': {'accuracy': {'value': 0.9}}}))"
)


@pytest.mark.real_effect(
    "CreatePipeline", "StartPipelineExecution", "DescribePipelineExecution", "ListPipelineExecutionSteps"
)
def test_steps_run_as_jobs_and_hand_their_results_on(pipelines: Pipelines) -> None:
    """Processing, training on its property file's word, a model, a registration, and a batch."""
    evaluate = pipelines.processing(
        "Evaluate",
        _REPORT,
        PropertyFiles=[{"PropertyFileName": "Report", "OutputName": "out", "FilePath": "report.json"}],
    )
    accuracy = {
        "Std:JsonGet": {
            "PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Report"},
            "Path": "metrics.accuracy.value",
        }
    }
    train = pipelines.training(
        arguments={"HyperParameters": {"scale": {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.Scale"}]}}}}
    )
    container = {"Image": pipelines.image, "ModelDataUrl": {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}}
    group = unique("group")
    register = {
        "Name": "Register",
        "Type": "RegisterModel",
        "Arguments": {
            "ModelPackageGroupName": group,
            "InferenceSpecification": {
                "Containers": [container],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
            "ModelApprovalStatus": "PendingManualApproval",
        },
    }
    model = {
        "Name": "Model",
        "Type": "Model",
        "Arguments": {"ExecutionRoleArn": pipelines.account.role, "PrimaryContainer": container},
    }
    lines = pipelines.account.put("lines/iris.csv", b"1.1,1\n5,5.2\n")
    scored = f"s3://{pipelines.account.bucket}/scored"
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": lines}}
    score = {
        "Name": "Score",
        "Type": "Transform",
        "Arguments": {
            "ModelName": {"Get": "Steps.Model.ModelName"},
            "TransformInput": {"DataSource": source, "ContentType": "text/csv", "SplitType": "Line"},
            "TransformOutput": {"S3OutputPath": scored, "AssembleWith": "Line"},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        },
    }
    good = {"Type": "GreaterThanOrEqualTo", "LeftValue": accuracy, "RightValue": {"Get": "Parameters.Least"}}
    two = {"Type": "Equals", "LeftValue": {"Get": "Steps.Train.FinalMetricDataList['classes'].Value"}, "RightValue": 2}
    name = pipelines.create(
        train,
        evaluate,
        _condition("Gate", [good, two], [register, model, score], [_fail("Poor", "too poor")]),
        Parameters=[
            {"Name": "Scale", "Type": "Float", "DefaultValue": 2.0},
            {"Name": "Least", "Type": "Float"},
        ],
        PipelineExperimentConfig={
            "ExperimentName": {"Get": "Execution.PipelineName"},
            "TrialName": {"Get": "Execution.PipelineExecutionId"},
        },
    )

    arn = pipelines.start(name, {"Least": "0.85"})
    assert pipelines.end(arn) == "Succeeded", _reasons(pipelines, arn)

    steps = pipelines.steps(arn)
    assert set(steps) == {"Train", "Evaluate", "Gate", "Register", "Model", "Score"}
    assert {step["StepStatus"] for step in steps.values()} == {"Succeeded"}
    assert steps["Gate"]["Metadata"] == {"Condition": {"Outcome": "True"}}
    run = arn.rpartition("/")[2]
    job = pipelines.sagemaker.describe_training_job(
        TrainingJobName=steps["Train"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    )
    assert job["TrainingJobName"].startswith(f"pipelines-{run}-Train-")
    assert job["HyperParameters"]["scale"] == "2.0"
    package = pipelines.sagemaker.describe_model_package(
        ModelPackageName=steps["Register"]["Metadata"]["RegisterModel"]["Arn"]
    )
    assert (
        package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"] == job["ModelArtifacts"]["S3ModelArtifacts"]
    )
    assert pipelines.account.read(f"{scored}/iris.csv.out") == b"low\nhigh\n"
    trial = pipelines.sagemaker.list_trial_components(TrialName=run)["TrialComponentSummaries"]
    assert len(trial) == 3
    experiment = pipelines.describe(arn)["PipelineExperimentConfig"]
    assert experiment == {"ExperimentName": name, "TrialName": run}
    shown = pipelines.sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)["PipelineParameters"]
    assert shown == [{"Name": "Scale", "Value": "2.0"}, {"Name": "Least", "Value": "0.85"}]


@pytest.mark.real_effect("RetryPipelineExecution")
def test_the_branch_not_taken_never_runs_and_a_retry_goes_on_from_the_failed_step(pipelines: Pipelines) -> None:
    wanted = {"Type": "In", "QueryValue": {"Get": "Parameters.Mode"}, "Values": ["quick", "thorough"]}
    message = {
        "Std:Join": {"On": " ", "Values": ["mode", {"Get": "Parameters.Mode"}, "in", {"Get": "Execution.PipelineName"}]}
    }
    never = pipelines.processing("Never", "raise SystemExit(1)")
    after = pipelines.processing("AfterNever", "raise SystemExit(1)", DependsOn=["Never"])
    name = pipelines.create(
        _condition(
            "Known",
            [{"Type": "Not", "Condition": {"Type": "Or", "Conditions": [wanted]}}],
            [_fail("Unknown", message)],
            [never],
        ),
        after,
        Parameters=[{"Name": "Mode", "Type": "String", "EnumValues": ["quick", "slow"]}],
    )

    arn = pipelines.start(name, {"Mode": "slow"})

    assert pipelines.end(arn) == "Failed"
    steps = pipelines.steps(arn)
    assert set(steps) == {"Known", "Unknown"}
    assert steps["Unknown"]["Metadata"]["Fail"]["ErrorMessage"] == f"mode slow in {name}"
    assert pipelines.describe(arn)["FailureReason"] == "Step failure: One or multiple steps failed."
    pipelines.sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn)
    assert pipelines.end(arn) == "Failed"
    again = pipelines.steps(arn)
    assert again["Unknown"]["AttemptCount"] == 2
    assert again["Known"]["EndTime"] == steps["Known"]["EndTime"]


def test_the_pipelines_role_needs_what_the_steps_do(pipelines: Pipelines) -> None:
    role = pipelines.cloud.role(unique("weak"), "sagemaker.amazonaws.com")
    arn = pipelines.start(pipelines.create(pipelines.training(), role=role))
    assert pipelines.end(arn) == "Failed"
    reason = pipelines.steps(arn)["Train"]["FailureReason"]
    assert reason.startswith("ClientError: Failed to invoke sagemaker:CreateTrainingJob. Error Details: User: ")
    assert "is not authorized to perform: sagemaker:CreateTrainingJob" in reason


def test_a_failed_job_fails_its_step_and_starts_no_other(pipelines: Pipelines) -> None:
    bad = pipelines.training("Bad", arguments={"HyperParameters": {"scale": "no number"}})
    arn = pipelines.start(pipelines.create(bad, pipelines.training("Next", DependsOn=["Bad"])))
    assert pipelines.end(arn) == "Failed"
    steps = pipelines.steps(arn)
    assert set(steps) == {"Bad"}
    assert steps["Bad"]["FailureReason"].startswith("ClientError: AlgorithmError: Exception during training")


def test_a_function_answers_and_its_outputs_are_checked(pipelines: Pipelines) -> None:
    outputs = [{"OutputName": "twice", "OutputType": "Integer"}, {"OutputName": "word", "OutputType": "String"}]
    arn = pipelines.function("return {'twice': 2 * event['number'], 'word': event['word'] or None}")
    call = {
        "Name": "Call",
        "Type": "Lambda",
        "FunctionArn": arn,
        "Arguments": {"number": {"Get": "Parameters.Number"}, "word": {"Get": "Parameters.Word"}},
        "OutputParameters": outputs,
    }
    four = {"Type": "Equals", "LeftValue": {"Get": "Steps.Call.OutputParameters['twice']"}, "RightValue": 4}
    name = pipelines.create(
        call,
        _condition("IsFour", [four], [], [_fail("Wrong", {"Get": "Steps.Call.OutputParameters['word']"})]),
        Parameters=[{"Name": "Number", "Type": "Integer"}, {"Name": "Word", "Type": "String", "DefaultValue": "x"}],
    )

    steps = pipelines.run(name, {"Number": "2"})

    shown = steps["Call"]["Metadata"]["Lambda"]
    assert shown == {"Arn": arn, "OutputParameters": [{"Name": "twice", "Value": "4"}, {"Name": "word", "Value": "x"}]}
    failed = pipelines.start(name, {"Number": "2", "Word": ""})
    assert pipelines.end(failed) == "Failed"
    assert "the output word of step Call is missing" in pipelines.steps(failed)["Call"]["FailureReason"]


def _callback(queue: str, **members: Any) -> dict[str, Any]:
    outputs = [{"OutputName": "verdict", "OutputType": "String"}]
    return {
        "Name": "Ask",
        "Type": "Callback",
        "SqsQueueUrl": queue,
        "Arguments": {"question": "go?"},
        "OutputParameters": outputs,
    } | members


def _message(cloud: EmbeddedCloud, queue: str) -> dict[str, Any]:
    def receive() -> list[dict[str, Any]]:
        return cloud.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", [])

    message = eventually(receive)[0]
    cloud.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return json.loads(message["Body"])


@pytest.mark.real_effect(
    "SendPipelineExecutionStepSuccess", "SendPipelineExecutionStepFailure", "StopPipelineExecution"
)
def test_a_callback_waits_for_whoever_has_its_token(pipelines: Pipelines) -> None:
    queue = pipelines.cloud.client("sqs").create_queue(QueueName=unique("ask"))["QueueUrl"]
    no = {"Type": "Equals", "LeftValue": {"Get": "Steps.Ask.OutputParameters['verdict']"}, "RightValue": "no"}
    name = pipelines.create(_callback(queue), _condition("IsNo", [no], [_fail("No", "told so")], []))
    first, second, third = (pipelines.start(name) for _ in range(3))
    messages = {
        message["pipelineExecutionArn"]: message for message in (_message(pipelines.cloud, queue) for _ in range(3))
    }
    assert set(messages) == {first, second, third}
    assert messages[first]["arguments"] == {"question": "go?"}
    assert messages[first]["status"] == "Executing"
    answer = {"Name": "verdict", "Value": "yes"}

    pipelines.sagemaker.send_pipeline_execution_step_success(
        CallbackToken=messages[first]["token"], OutputParameters=[answer]
    )
    pipelines.sagemaker.send_pipeline_execution_step_failure(
        CallbackToken=messages[second]["token"], FailureReason="nobody home"
    )
    pipelines.sagemaker.stop_pipeline_execution(PipelineExecutionArn=third)

    assert pipelines.end(first) == "Succeeded"
    assert pipelines.end(second) == "Failed"
    assert pipelines.steps(second)["Ask"]["FailureReason"] == "ClientError: nobody home"
    stopping = _message(pipelines.cloud, queue)
    assert (stopping["token"], stopping["status"]) == (messages[third]["token"], "Stopping")
    assert pipelines.describe(third)["PipelineExecutionStatus"] == "Stopping"
    pipelines.sagemaker.send_pipeline_execution_step_success(CallbackToken=stopping["token"], OutputParameters=[answer])
    assert pipelines.end(third) == "Stopped"
    with pytest.raises(ClientError, match="No step waits for the callback token"):
        pipelines.sagemaker.send_pipeline_execution_step_failure(CallbackToken=stopping["token"])


def _sleeping(pipelines: Pipelines, name: str, seconds: float = 60, **members: Any) -> dict[str, Any]:
    return pipelines.processing(name, f"import time; time.sleep({seconds})", **members)


def test_stopping_an_execution_stops_its_jobs(pipelines: Pipelines) -> None:
    arn = pipelines.start(pipelines.create(_sleeping(pipelines, "Sleep"), pipelines.training(DependsOn=["Sleep"])))
    job = eventually(lambda: pipelines.steps(arn).get("Sleep", {}).get("Metadata"))["ProcessingJob"]["Arn"]
    pipelines.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    assert pipelines.end(arn) == "Stopped"
    assert set(pipelines.steps(arn)) == {"Sleep"}
    status = pipelines.sagemaker.describe_processing_job(ProcessingJobName=job.rpartition("/")[2])[
        "ProcessingJobStatus"
    ]
    assert status == "Stopped"
    with pytest.raises(ClientError, match="has the status Stopped"):
        pipelines.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)


def test_a_fail_step_stops_what_runs_beside_it(pipelines: Pipelines) -> None:
    name = pipelines.create(_sleeping(pipelines, "Sleep"), _fail("Now", "enough"))
    arn = pipelines.start(name)
    assert pipelines.end(arn) == "Failed"
    assert {key: step["StepStatus"] for key, step in pipelines.steps(arn).items()} == {
        "Sleep": "Stopped",
        "Now": "Failed",
    }


def test_no_more_steps_run_at_once_than_allowed(pipelines: Pipelines) -> None:
    name = pipelines.create(*(pipelines.processing(f"Step{number}", "pass") for number in range(3)))
    steps = pipelines.run(name, ParallelismConfiguration={"MaxParallelExecutionSteps": 1})
    spans = sorted((step["StartTime"], step["EndTime"]) for step in steps.values())
    assert all(earlier[1] <= later[0] for earlier, later in itertools.pairwise(spans))


def test_a_cached_step_is_not_run_again(pipelines: Pipelines) -> None:
    """Also after a change of its place in the pipeline, and not with other arguments."""
    cached = {"CacheConfig": {"Enabled": True, "ExpireAfter": "P1D"}}
    hyperparameters = {"scale": {"Get": "Parameters.Scale"}}
    train = pipelines.training(arguments={"HyperParameters": hyperparameters}, **cached)
    model = {"Image": pipelines.image, "ModelDataUrl": {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}}
    use = {
        "Name": "Use",
        "Type": "Model",
        "Arguments": {"ExecutionRoleArn": pipelines.account.role, "PrimaryContainer": model},
    }
    name = pipelines.create(train, use, Parameters=[{"Name": "Scale", "Type": "String", "DefaultValue": "1"}])

    first, second, third = pipelines.run(name), pipelines.run(name), pipelines.run(name, {"Scale": "2"})

    assert second["Train"]["CacheHitResult"]["SourcePipelineExecutionArn"].startswith("arn:")
    assert second["Train"]["Metadata"] == first["Train"]["Metadata"]
    assert "CacheHitResult" not in third["Train"]
    assert third["Train"]["Metadata"] != first["Train"]["Metadata"]


def test_selected_steps_take_the_rest_from_another_execution(pipelines: Pipelines) -> None:
    model = {"Image": pipelines.image, "ModelDataUrl": {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}}
    use = {
        "Name": "Use",
        "Type": "Model",
        "Arguments": {"ExecutionRoleArn": pipelines.account.role, "PrimaryContainer": model},
    }
    name = pipelines.create(pipelines.training(), use)
    source = pipelines.start(name)
    assert pipelines.end(source) == "Succeeded"
    config = {"SourcePipelineExecutionArn": source, "SelectedSteps": [{"StepName": "Use"}]}

    steps = pipelines.run(name, SelectiveExecutionConfig=config)

    assert steps["Train"]["SelectiveExecutionResult"] == {"SourcePipelineExecutionArn": source}
    assert steps["Train"]["Metadata"] == pipelines.steps(source)["Train"]["Metadata"]
    assert steps["Use"]["Metadata"] != pipelines.steps(source)["Use"]["Metadata"]


def test_an_internal_error_is_retried_as_the_policy_says(pipelines: Pipelines) -> None:
    policy = {
        "ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"],
        "IntervalSeconds": 1,
        "BackoffRate": 1.0,
        "MaxAttempts": 2,
    }
    slow = pipelines.training("slow", RetryPolicies=[policy])
    slow["Arguments"]["AlgorithmSpecification"]["ContainerEntrypoint"] = ["python3", "-c", "import time; time.sleep(4)"]
    arn = pipelines.start(pipelines.create(slow))
    metadata = eventually(lambda: pipelines.steps(arn).get("slow", {}).get("Metadata"))
    job = metadata["TrainingJob"]["Arn"].rpartition("/")[2]
    eventually(lambda: pipelines.sagemaker.describe_training_job(TrainingJobName=job)["SecondaryStatus"] == "Training")

    lost = command("fail", job, "--state", str(pipelines.cloud.state_dir))

    assert lost.returncode == 0, lost.stderr
    assert pipelines.end(arn) == "Succeeded"
    step = pipelines.steps(arn)["slow"]
    assert step["AttemptCount"] == 2
    assert not step["Metadata"]["TrainingJob"]["Arn"].endswith(job)


def test_a_tuning_step_hands_on_its_best_training_jobs(pipelines: Pipelines) -> None:
    train = pipelines.training()["Arguments"]
    definition = {
        "AlgorithmSpecification": train["AlgorithmSpecification"],
        **{
            member: train[member]
            for member in ("RoleArn", "InputDataConfig", "OutputDataConfig", "ResourceConfig", "StoppingCondition")
        },
    }
    ranges = {"ContinuousParameterRanges": [{"Name": "scale", "MinValue": "1", "MaxValue": "2"}]}
    config = {
        "Strategy": "Random",
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "classes"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 2},
        "ParameterRanges": ranges,
    }
    tune = {
        "Name": "Tune",
        "Type": "Tuning",
        "Arguments": {"HyperParameterTuningJobConfig": config, "TrainingJobDefinition": definition},
    }
    parts = [
        f"s3://{pipelines.account.bucket}/trained",
        {"Get": "Steps.Tune.TrainingJobSummaries[0].TrainingJobName"},
        "output/model.tar.gz",
    ]
    model = {"Image": pipelines.image, "ModelDataUrl": {"Std:Join": {"On": "/", "Values": parts}}}
    best = {
        "Name": "Best",
        "Type": "Model",
        "Arguments": {"ExecutionRoleArn": pipelines.account.role, "PrimaryContainer": model},
    }

    steps = pipelines.run(pipelines.create(tune, best))

    made = pipelines.sagemaker.describe_model(ModelName=steps["Best"]["Metadata"]["Model"]["Arn"].rpartition("/")[2])
    assert pipelines.account.read(made["PrimaryContainer"]["ModelDataUrl"])
    assert len(steps["Tune"]["Metadata"]["TuningJob"]["Arn"].rpartition("/")[2]) <= 32


def test_changes_of_status_reach_event_rules(pipelines: Pipelines) -> None:
    sqs, events = pipelines.cloud.client("sqs"), pipelines.cloud.client("events")
    queue = sqs.create_queue(QueueName=unique("events"))["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    name = pipelines.create(_fail("Stop", "no"))
    arn = pipelines.sagemaker.describe_pipeline(PipelineName=name)["PipelineArn"]
    rule = unique("rule")
    pattern = {
        "source": ["aws.sagemaker"],
        "resources": [arn],
        "detail-type": [{"prefix": "SageMaker Model Building Pipeline Execution"}],
    }
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": queue_arn}])

    pipelines.end(pipelines.start(name))

    seen = [_message(pipelines.cloud, queue) for _ in range(4)]
    changes = {
        (
            event["detail"].get("stepName"),
            event["detail"].get("currentStepStatus", event["detail"].get("currentPipelineExecutionStatus")),
        )
        for event in seen
    }
    assert changes == {(None, "Executing"), ("Stop", "Starting"), ("Stop", "Failed"), (None, "Failed")}


@pytest.mark.real_effect("UpdatePipeline", "DescribePipelineDefinitionForExecution")
def test_an_execution_keeps_the_version_it_was_started_with(pipelines: Pipelines) -> None:
    name = pipelines.create(_fail("Old", "old"))
    old = pipelines.start(name)
    pipelines.end(old)
    text = json.dumps({"Version": "2020-12-01", "Steps": [_fail("New", "new")]})
    updated = pipelines.sagemaker.update_pipeline(
        PipelineName=name, PipelineDefinition=text, PipelineDescription="second"
    )

    assert updated["PipelineVersionId"] == 2
    assert pipelines.sagemaker.describe_pipeline(PipelineName=name)["PipelineDefinition"] == text
    assert (
        "Old"
        in pipelines.sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=old)[
            "PipelineDefinition"
        ]
    )
    new, former = pipelines.start(name), pipelines.start(name, PipelineVersionId=1)
    assert {pipelines.end(new), pipelines.end(former)} == {"Failed"}
    assert (set(pipelines.steps(new)), set(pipelines.steps(former))) == ({"New"}, {"Old"})
    listed = pipelines.sagemaker.list_pipeline_executions(PipelineName=name)["PipelineExecutionSummaries"]
    assert [entry["PipelineExecutionArn"] for entry in listed] == [former, new, old]
    pipelines.sagemaker.delete_pipeline(PipelineName=name)
    with pytest.raises(ClientError, match="does not exist"):
        pipelines.describe(old)


_REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("version", {"Version": "2019-01-01", "Steps": []}, "the Version is '2019-01-01'"),
    ("twice", {"Steps": [_fail("A", "x"), _fail("A", "x")]}, "the step name 'A' is not unique"),
    ("unknown step", {"Steps": [_fail("A", {"Get": "Steps.B.X"})]}, "depends on the step 'B', which is not defined"),
    ("cycle", {"Steps": [_fail("A", "x", DependsOn=["B"]), _fail("B", "x", DependsOn=["A"])]}, "depend on each other"),
    ("parameter", {"Steps": [_fail("A", {"Get": "Parameters.P"})]}, "'Parameters.P' is not defined"),
    ("type", {"Steps": [{"Name": "A", "Type": "EMR", "Arguments": {}}]}, "does not cover steps of type 'EMR'"),
    ("member", {"Steps": [{"Name": "A", "Type": "Training", "Arguments": {"Imag": 1}}]}, "no property 'Imag'"),
    ("trigger", {"Steps": [_fail("A", "x", DependsOn=[{"Step": "B", "Trigger": "Failed"}])]}, "the run condition"),
    ("no step", {"Steps": ["A"]}, "'A' is no step"),
    ("parameter without a name", {"Steps": [], "Parameters": [{"Type": "String"}]}, "has no Name"),
    (
        "condition",
        {"Steps": [_condition("A", [{"Type": "Or", "Conditions": [{"Type": "Equals"}]}], [], [])]},
        "step A: the condition Equals has no LeftValue",
    ),
    (
        "default",
        {"Steps": [], "Parameters": [{"Name": "P", "Type": "Integer", "DefaultValue": "x"}]},
        "'x' is no Integer",
    ),
]


@pytest.mark.parametrize(("definition", "reason"), [case[1:] for case in _REFUSED], ids=[case[0] for case in _REFUSED])
def test_a_definition_that_cannot_run_is_refused(pipelines: Pipelines, definition: dict[str, Any], reason: str) -> None:
    with pytest.raises(ClientError) as refused:
        pipelines.create(**definition)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert reason in refused.value.response["Error"]["Message"]


def test_an_execution_goes_on_after_the_cloud_was_killed(started: Callable[..., EmbeddedCloud]) -> None:
    """What waits goes on waiting; a job that the kill took is retried by its policy."""
    cloud = started()
    pipelines = Pipelines(account_in(cloud))
    queue = cloud.client("sqs").create_queue(QueueName="ask")["QueueUrl"]
    policy = {"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"], "IntervalSeconds": 0, "MaxAttempts": 3}
    slow = _sleeping(pipelines, "Slow", 3, RetryPolicies=[policy])
    arn = pipelines.start(pipelines.create(_callback(queue), slow))
    message = _message(cloud, queue)
    eventually(lambda: pipelines.steps(arn).get("Slow", {}).get("StepStatus") == "Executing")

    cloud.kill()
    cloud = started(port=cloud.port)

    answer = [{"Name": "verdict", "Value": "yes"}]
    pipelines.sagemaker.send_pipeline_execution_step_success(CallbackToken=message["token"], OutputParameters=answer)
    assert pipelines.end(arn) == "Succeeded", _reasons(pipelines, arn)
