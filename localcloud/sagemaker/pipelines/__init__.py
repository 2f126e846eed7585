"""SageMaker Pipelines: executions of pipeline definitions (version 2020-12-01) as real jobs of this cloud.

A definition is parsed into a plan (``definition``), whose expressions (``expressions``) are evaluated when a step
starts. One thread an execution (``execution``) starts steps as the pipeline's role, watches them and writes down what
becomes of them; ``supervisor`` starts, stops and resumes executions. What is not covered is refused by CreatePipeline.

https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-steps-types.html
https://aws-sagemaker-mlops.github.io/sagemaker-model-building-pipeline-definition-JSON-schema/
"""
