import pytest

from localcloud.images import reference
from localcloud.images.errors import InvalidReference

ECR = "000000000000.dkr.ecr.us-east-1.amazonaws.com"


def test_an_ecr_image() -> None:
    found = reference.parse(f"{ECR}/slipway-dev-x:ab12")
    assert (found.registry, found.repository, found.tag, found.account) == (ECR, "slipway-dev-x", "ab12", "0" * 12)
    assert str(found) == f"{ECR}/slipway-dev-x:ab12"


def test_a_name_alone_is_its_latest() -> None:
    assert str(reference.parse("thing")) == "thing:latest"
    assert reference.parse("thing").account is None


def test_a_registry_with_a_port_is_not_a_tag() -> None:
    found = reference.parse("localhost:5000/a/b")
    assert (found.registry, found.repository, found.tag) == ("localhost:5000", "a/b", "latest")


def test_a_digest_takes_the_place_of_the_tag() -> None:
    found = reference.parse(f"{ECR}/x@sha256:{'a' * 64}")
    assert found.digest == f"sha256:{'a' * 64}" and found.tag is None


@pytest.mark.parametrize("text", ["", "Upper/Case", "a b", "x:", "x@sha256:12", "../x", "https://x/y"])
def test_anything_else_is_refused_with_its_value(text: str) -> None:
    with pytest.raises(InvalidReference, match="is not an image reference"):
        reference.parse(text)
