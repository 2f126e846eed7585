"""URIs, tags and pushes, against a loopback server that answers as ECR does."""

import hashlib
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.images import docker as commands
from localcloud.images.errors import ImageNotFound, RegistryRefused
from tests.support.loopback_aws import LoopbackAws, ServiceError, serve

RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
DOCKERFILE = f"FROM python:{RUNNING}-slim\nARG NAME=none\nENV NAME=$NAME\nCOPY x.py /app/\n"
REGISTRY = "000000000000.dkr.ecr.us-east-1.amazonaws.com"
ECR = "AmazonEC2ContainerRegistry_V20150921."


@pytest.fixture
def ecr() -> Iterator[LoopbackAws]:
    """One repository, `models`, with immutable tags."""
    images: dict[str, str] = {}  # tag -> manifest

    def known(parameters: dict) -> None:
        if parameters["repositoryName"] != "models":
            raise ServiceError("RepositoryNotFoundException", "The repository does not exist in the registry")

    def put(parameters: dict) -> dict:
        if parameters["imageTag"] in images:
            raise ServiceError("ImageTagAlreadyExistsException", "The image tag already exists and is immutable")
        images[parameters["imageTag"]] = parameters["imageManifest"]
        return {"image": {}}

    def get(parameters: dict) -> dict:
        known(parameters)
        manifest = images.get(parameters["imageIds"][0].get("imageTag"))
        digest = f"sha256:{hashlib.sha256((manifest or '').encode()).hexdigest()}"
        return {"images": [{"imageId": {"imageDigest": digest}}] if manifest else [], "failures": []}

    def layers(parameters: dict) -> dict:
        known(parameters)
        return {"layers": [{"layerDigest": parameters["layerDigests"][0], "layerAvailability": "UNAVAILABLE"}]}

    with serve() as server:
        server.operations |= {
            f"{ECR}BatchCheckLayerAvailability": layers,
            f"{ECR}InitiateLayerUpload": lambda parameters: {"uploadId": "1", "partSize": 1},
            f"{ECR}UploadLayerPart": lambda parameters: {},
            f"{ECR}CompleteLayerUpload": lambda parameters: {},
            f"{ECR}PutImage": put,
            f"{ECR}BatchGetImage": get,
            f"{ECR}DescribeImages": lambda parameters: {"imageDetails": [{"imageTags": sorted(images)}]},
            f"{ECR}GetAuthorizationToken": lambda parameters: {
                "authorizationData": [{"authorizationToken": "QVdTOnBhc3N3b3Jk"}]  # AWS:password
            },
        }
        yield server


@pytest.fixture
def variables(ecr: LoopbackAws, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What a build's shims pass on."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return {
        "LOCALCLOUD_STATE": str(tmp_path / "state"),
        "LOCALCLOUD_ACCOUNT": "000000000000",
        "DOCKER_CONFIG": str(tmp_path / "docker"),
        "AWS_ENDPOINT_URL": ecr.url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "loopback",
        "AWS_SECRET_ACCESS_KEY": "loopback",
    }


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "x.py").write_text("1")
    return folder


def login(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch, password: str = "password") -> None:  # noqa: S107
    monkeypatch.setattr(sys, "stdin", io.StringIO(password))
    commands.docker(["login", "--username", "AWS", "--password-stdin", REGISTRY], variables)


def test_what_was_built_logged_in_and_pushed_can_be_resolved(
    variables, context, ecr, monkeypatch, capsys, registry_of
) -> None:
    uri = f"{REGISTRY}/models:1"
    commands.docker(
        ["build", "-t", uri, "--build-arg", "NAME=mnist", "--platform", "linux/amd64", str(context)], variables
    )
    login(variables, monkeypatch)
    commands.docker(["push", uri], variables)
    image = registry_of(variables).resolve(uri)
    assert image.environment["NAME"] == "mnist"
    assert f"1: digest: {image.digest}" in capsys.readouterr().out
    operations = [target.removeprefix(ECR) for target, _ in ecr.calls]
    assert operations == [
        "BatchCheckLayerAvailability",
        "InitiateLayerUpload",
        "UploadLayerPart",
        "CompleteLayerUpload",
        "PutImage",
        "BatchGetImage",
    ]
    [put] = ecr.called(f"{ECR}PutImage")
    assert f"sha256:{hashlib.sha256(put['imageManifest'].encode()).hexdigest()}" == image.digest
    [checked] = ecr.called(f"{ECR}BatchCheckLayerAvailability")
    assert json.loads(put["imageManifest"])["config"]["digest"] == checked["layerDigests"][0]


@pytest.fixture
def registry_of():
    def make(variables: dict[str, str]):
        from localcloud.images import ImageRegistry

        config = commands.ShimConfig(Path(variables["LOCALCLOUD_STATE"]), variables["LOCALCLOUD_ACCOUNT"])
        return ImageRegistry(config, ecr=lambda: commands._ecr(variables))

    return make


def test_a_tag_that_was_built_but_not_pushed_is_not_in_the_registry(variables, context, registry_of) -> None:
    uri = f"{REGISTRY}/models:1"
    commands.docker(["build", "-t", uri, str(context)], variables)
    with pytest.raises(ImageNotFound, match=r"Requested image not found.*holds: no tagged image"):
        registry_of(variables).resolve(uri)


def test_an_immutable_tag_cannot_be_pushed_twice(variables, context, monkeypatch) -> None:
    uri = f"{REGISTRY}/models:1"
    commands.docker(["build", "-t", "local:1", str(context)], variables)
    commands.docker(["tag", "local:1", uri], variables)
    login(variables, monkeypatch)
    commands.docker(["push", uri], variables)
    with pytest.raises(RegistryRefused, match=r"models:1: ImageTagAlreadyExistsException: .*immutable"):
        commands.docker(["push", uri], variables)


def test_a_repository_that_does_not_exist_refuses_as_ecr_does(variables, context, monkeypatch) -> None:
    uri = f"{REGISTRY}/nowhere:1"
    commands.docker(["build", "-t", uri, str(context)], variables)
    login(variables, monkeypatch)
    with pytest.raises(RegistryRefused, match="RepositoryNotFoundException"):
        commands.docker(["push", uri], variables)


def test_a_push_needs_a_login(variables, context, ecr) -> None:
    uri = f"{REGISTRY}/models:1"
    commands.docker(["build", "-t", uri, str(context)], variables)
    with pytest.raises(RegistryRefused, match="no basic auth credentials"):
        commands.docker(["push", uri], variables)
    assert not ecr.called(f"{ECR}PutImage")


def test_a_login_without_a_password_is_refused(variables, monkeypatch) -> None:
    with pytest.raises(RegistryRefused, match="400 Bad Request"):
        login(variables, monkeypatch, password="")


def test_the_password_is_that_of_the_authorization_token(variables, capsys) -> None:
    commands.aws(["ecr", "get-login-password", "--region", "us-east-1"], variables)
    assert capsys.readouterr().out == "password\n"


def test_a_refused_token_gives_the_services_words(variables, ecr) -> None:
    def refuse(parameters: dict) -> dict:
        raise ServiceError("AccessDeniedException", "not authorized to perform: ecr:GetAuthorizationToken")

    ecr.operations[f"{ECR}GetAuthorizationToken"] = refuse
    with pytest.raises(RegistryRefused, match="ecr:GetAuthorizationToken"):
        commands.aws(["ecr", "get-login-password"], variables)


def test_only_images_of_this_machine_can_be_tagged_or_pushed(variables) -> None:
    with pytest.raises(ImageNotFound, match="No such image: nothing:1"):
        commands.docker(["tag", "nothing:1", f"{REGISTRY}/models:1"], variables)


def test_an_image_of_aws_that_the_table_lacks_names_the_table(registry) -> None:
    uri = "763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-training:2.19"
    with pytest.raises(ImageNotFound, match=r"managed\.toml.*pytorch"):
        registry.resolve(uri)


def test_requirements_on_top_of_an_image_keep_its_files_and_digest(project, requirements) -> None:
    project.write("x.py", "1")
    image = project.build(DOCKERFILE)
    more = image.with_requirements([requirements("greeting==1.0")])
    assert (more.digest, more.files) == (image.digest, image.files)
    assert more.python != image.python
    assert more.with_requirements([requirements("greeting==1.0", name="again.txt")]) == more
