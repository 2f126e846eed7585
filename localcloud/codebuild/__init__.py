"""CodeBuild's builds, run for real: the project's build specification, in a shell, with `docker` and `aws` shims.

    record.py     StartBuild's overrides -> the build's record; phases and their outcome
    buildspec.py  the build specification (https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html)
    source.py     the source archive, with the service role's credentials
    shims.py      the commands on PATH that stand for Docker and the AWS command line
    shell.py      one shell that runs command after command
    executor.py   a build from SUBMITTED to COMPLETED

Builds are not isolated from the machine: a build specification is the user's own code, run as that user.
"""

from localcloud.codebuild.executor import CodeBuildExecutor
from localcloud.codebuild.record import UnsupportedOverride, new_build

__all__ = ["CodeBuildExecutor", "UnsupportedOverride", "new_build"]
