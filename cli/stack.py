"""Bootstraps, deploys and destroys the stack with the stock CDK command line, pinned, on our own environment's Node.

The application is the unmodified `app.py`, and the CDK command line learns of the embedded cloud the way any program
does: by its environment.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from cli import node, programs
from cli.errors import CliError
from cli.gate import Gate
from cli.target import Target

_CDK_PACKAGE = programs.ROOT / "node_modules" / "aws-cdk"
CDK = _CDK_PACKAGE / "bin" / "cdk"
CONCURRENCY = "4"
UNVALIDATED = programs.ROOT / "build" / "cdk.out"
# The bootstrap version that today's cloud assemblies ask for at least (asset roles with session tags, ECR scanning).
BOOTSTRAP_VERSION_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
_BOOTSTRAP_TEMPLATE = _CDK_PACKAGE / "lib" / "api" / "bootstrap" / "bootstrap-template.yaml"
_BOOTSTRAP_POLL_SECONDS = 0.05
_BOOTSTRAP_POLLS = 2400


def environment(target: Target) -> dict[str, str]:
    """The environment for the CDK command line: the cloud, our Python and Node, and no calls to anybody else."""
    base = target.environment()
    path = os.pathsep.join([str(Path(sys.executable).parent), str(node.program().parent), base.get("PATH", os.defpath)])
    # The templates are validated in CI and before they go to AWS; that takes as long as everything else of a synthesis.
    # So are the types of what is given to the CDK's constructs, by jsii: not under Python's -O.
    inner_loop = {"CDK_VALIDATION": "false", "PYTHONOPTIMIZE": "1"} if target.endpoint else {}
    # `VIRTUAL_ENV` so that `python3` in cdk.json is ours even where a shim looks at it.
    return (
        base
        | inner_loop
        | node.compile_cache(base)
        | {
            "PATH": path,
            "VIRTUAL_ENV": sys.prefix,
            "JSII_NODE": str(node.program()),
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_DISABLE_VERSION_CHECK": "true",
        }
    )


def command(target: Target, verb: str, *arguments: str) -> list[str]:
    """The command line of one CDK verb for the target's stage."""
    if not CDK.exists():
        raise CliError("The CDK command line is not installed.", hint="Install what is needed: make setup")
    # An assembly that nothing has validated has a folder of its own: it is not to be deployed to AWS by mistake.
    output = ["--output", str(UNVALIDATED)] if target.endpoint else []
    context = ["--context", f"stage={target.stage}"]
    return [str(node.program()), str(CDK), verb, *arguments, "--no-notices", *output, *context]


def is_bootstrapped(target: Target) -> bool:
    """Whether `cdk bootstrap` has been here: it leaves its version in SSM."""
    ssm = target.client("ssm")
    try:
        ssm.get_parameter(Name=BOOTSTRAP_VERSION_PARAMETER)
    except ssm.exceptions.ParameterNotFound:
        return False
    return True


def bootstrap(target: Target, on_line: Callable[[str], None] | None) -> None:
    """Prepare account and region for deployments, once: what is there already is left alone."""
    if is_bootstrapped(target):
        return
    if target.endpoint:
        _create_bootstrap_stack(target)
        return
    account = target.client("sts").get_caller_identity()["Account"]
    # A folder without an application: bootstrapping does not need ours, and would otherwise synthesise it.
    arguments = command(target, "bootstrap", f"aws://{account}/{target.session.region_name}", "--app", "")
    programs.run(arguments, name="cdk-bootstrap", environment=environment(target), on_line=on_line)


def _create_bootstrap_stack(target: Target) -> None:
    """What `cdk bootstrap` does in an empty account, without the two seconds that its start takes: its own template.
    Where another deployment has begun it already, its end is waited for.

    https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html, "Bootstrap from the AWS CloudFormation template".
    """
    cloudformation = target.client("cloudformation")
    parameters = {
        "FileAssetsBucketKmsKeyId": "AWS_MANAGED_KEY",
        "CloudFormationExecutionPolicies": "arn:aws:iam::aws:policy/AdministratorAccess",
    }
    with suppress(cloudformation.exceptions.AlreadyExistsException):
        cloudformation.create_stack(
            StackName="CDKToolkit",
            TemplateBody=_BOOTSTRAP_TEMPLATE.read_text(encoding="utf-8"),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
    waiter = cloudformation.get_waiter("stack_create_complete")
    waiter.wait(
        StackName="CDKToolkit", WaiterConfig={"Delay": _BOOTSTRAP_POLL_SECONDS, "MaxAttempts": _BOOTSTRAP_POLLS}
    )


def deploy(
    target: Target,
    *,
    workloads: Sequence[str],
    approve_all: bool,
    on_line: Callable[[str], None] | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Synthesise and deploy the stage: the platform, the API and these `workloads` (none named: all of them).

    Beside the synthesis `ready` waits for the cloud, and account and region are prepared, where that was not done
    before. `approve_all` skips CDK's question about widened permissions.
    """
    chosen = ["--context", f"workloads={','.join(workloads)}"] if workloads else []
    with Gate() as gate:

        def prepare() -> None:
            ready()
            bootstrap(target, on_line)
            gate.open()

        arguments = command(
            target,
            "deploy",
            "--all",
            "--app",
            f"{_application()} && {gate.command}",
            *_method(target),
            "--concurrency",
            CONCURRENCY,
            "--progress",
            "events",
            "--require-approval",
            "never" if approve_all else "broadening",
            *chosen,
        )
        programs.run(arguments, name="cdk-deploy", environment=environment(target), on_line=on_line, beside=prepare)


def _method(target: Target) -> list[str]:
    """Change sets tell before a deployment what it would replace. There is nobody to be told in the inner loop, where
    making and reading them takes as long as the deployment itself."""
    return ["--method", "direct"] if target.endpoint else []


def _application() -> str:
    """The command line that synthesises, as `cdk.json` has it."""
    return json.loads((programs.ROOT / "cdk.json").read_text("utf-8"))["app"]


def destroy(target: Target, on_line: Callable[[str], None] | None = None) -> None:
    """Delete all stacks of the stage."""
    arguments = command(target, "destroy", "--all", "--force")
    programs.run(arguments, name="cdk-destroy", environment=environment(target), on_line=on_line)


_EVENT = re.compile(
    r"^(?P<stack>\S+) \|\s*(?P<done>\d+)(?:/(?P<all>\d+))? \|.*?\| (?P<status>[A-Z_]+)\s+\| (?P<type>\S+)"
)


def progress(line: str) -> str:
    """What to show of a line of `--progress events`: stack, count and resource type; empty for other lines."""
    match = _EVENT.match(line.strip())
    if not match:
        return ""
    count = match["done"] + (f"/{match['all']}" if match["all"] else "")
    return f"{match['stack']} {count} {match['type']}"
