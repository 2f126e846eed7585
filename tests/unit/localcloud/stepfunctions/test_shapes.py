from datetime import UTC, datetime

import botocore.session
import pytest

from localcloud.stepfunctions import naming, shapes
from localcloud.stepfunctions.errors import TaskError


def shape(service: str, operation: str, *, output: bool = False):
    model = botocore.session.Session().get_service_model(service).operation_model(operation)
    return model.output_shape if output else model.input_shape


def test_fields_take_the_apis_own_case():
    request = shapes.to_members({"StateMachineArn": "a", "Name": "n"}, shape("stepfunctions", "StartExecution"))
    assert request == {"stateMachineArn": "a", "name": "n"}


def test_keys_of_maps_are_data_and_stay():
    parameters = {"HyperParameters": {"EPOCHS": "1", "kmsKey": "2"}}
    assert shapes.to_members(parameters, shape("sagemaker", "CreateTrainingJob")) == parameters


def test_nulls_are_left_out_and_whole_numbers_become_integers():
    parameters = {"ResourceConfig": {"InstanceCount": 2.0, "VolumeKmsKeyId": None}, "RoleArn": None}
    request = shapes.to_members(parameters, shape("sagemaker", "CreateTrainingJob"))
    assert request == {"ResourceConfig": {"InstanceCount": 2}}
    assert isinstance(request["ResourceConfig"]["InstanceCount"], int)


def test_a_field_that_the_api_lacks_is_named_with_its_path():
    parameters = {"ProductionVariants": [{"VariantName": "a", "Weight": 1}]}
    with pytest.raises(TaskError) as error:
        shapes.to_members(parameters, shape("sagemaker", "CreateEndpointConfig"))
    assert error.value.error == "States.Runtime"
    assert '"$.ProductionVariants[0].Weight" is not supported' in error.value.cause


def test_results_show_times_as_the_kind_of_integration_does():
    moment = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
    answer = {"CreationTime": moment, "Environment": {"kMS": "x"}}
    output = shape("sagemaker", "DescribeTrainingJob", output=True)
    assert shapes.to_result(answer, rename=naming.sdk_name, time=shapes.iso_time, shape=output) == {
        "CreationTime": "2026-01-02T03:04:05.678Z",
        "Environment": {"kMS": "x"},
    }
    assert shapes.epoch_milliseconds(moment) == 1767323045678
