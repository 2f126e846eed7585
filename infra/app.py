"""The stacks of one stage."""

from __future__ import annotations

from aws_cdk import App, Tags, Validations

from infra.settings import load_settings
from infra.stacks.api import ApiStack
from infra.stacks.platform import PlatformStack
from infra.stacks.workload import WorkloadStack
from infra.workloads import CodeRoots, find_workloads


def build(app: App, roots: CodeRoots, *, validated: bool = True) -> None:
    """Add every stack to `app`: the platform, one for each chosen workload below `roots`, and the API.

    The synthesis is `validated` by cdk-nag, which takes as long as the stacks themselves.
    """
    settings = load_settings(app.node.try_get_context)
    if validated:
        _validate(app)
    Tags.of(app).add("slipway:stage", settings.stage)
    platform = PlatformStack(app, settings=settings)
    for workload in find_workloads(roots, settings.workloads):
        WorkloadStack(app, settings=settings, platform=platform, workload=workload)
    ApiStack(app, settings=settings, platform=platform)


def _validate(app: App) -> None:
    from cdk_nag import AwsSolutionsChecks

    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
