"""The exceptions of images.

ImageNotFound(LookupError)              no such image; the message says what exists and what to do
InvalidRequirements(ValueError)         a requirement file is missing or names what cannot be installed
EnvironmentBuildFailed(RuntimeError)    uv's own message
DockerfileError(ValueError)             file, line and instruction that the embedded cloud cannot follow
InvalidReference(ValueError)            not an image reference
RegistryRefused(RuntimeError)           the registry refused: ECR's own message
"""


class ImageNotFound(LookupError):
    """No such image."""


class InvalidReference(ValueError):
    """A text that is no image reference."""


class InvalidRequirements(ValueError):
    """A requirement file that is missing, or a line of one that cannot be installed."""


class EnvironmentBuildFailed(RuntimeError):
    """uv could not install the requirements."""


class RegistryRefused(RuntimeError):
    """The registry refused a login, a push or a password."""


class DockerfileError(ValueError):
    """`path:line: INSTRUCTION: reason`."""

    def __init__(self, path: str, line: int, instruction: str, reason: str) -> None:
        super().__init__(f"{path}:{line}: {instruction}: {reason}")
        self.line = line
