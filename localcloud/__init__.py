"""The embedded cloud: AWS APIs on loopback, without an AWS account and without Docker.

ministack answers most services; SageMaker, the Step Functions integrations and the CodeBuild execution are ours.
``server`` composes the parts, ``gateway`` is the only module that knows ministack's inside.
"""
