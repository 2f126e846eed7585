"""The resources of the control plane, one module each; a module's ``OPERATIONS`` maps operation names to handlers."""

from localcloud.sagemaker.resources import (
    association,
    endpoint,
    endpoint_config,
    experiment,
    hyper_parameter_tuning_job,
    lineage,
    lineage_query,
    model,
    model_package,
    model_package_group,
    pipeline,
    pipeline_execution,
    processing_job,
    search,
    tags,
    training_job,
    transform_job,
)
from localcloud.sagemaker.resources.resource import Operation

_MODULES = (
    training_job,
    processing_job,
    hyper_parameter_tuning_job,
    transform_job,
    model,
    endpoint_config,
    endpoint,
    model_package_group,
    model_package,
    pipeline,
    pipeline_execution,
    experiment,
    lineage,
    association,
    lineage_query,
    search,
    tags,
)

OPERATIONS: dict[str, Operation] = {name: handler for module in _MODULES for name, handler in module.OPERATIONS.items()}
