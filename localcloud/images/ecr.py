"""The embedded ECR seen from an image's side: which digest a tag has, and pushing, by ECR's ordinary API."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

from localcloud.images.ecr_api import EcrApi, EcrError
from localcloud.images.errors import ImageNotFound, RegistryRefused
from localcloud.images.reference import Reference
from localcloud.images.store import MANIFEST_TYPE


class ElasticContainerRegistry:
    """`api` gives the registry's API; it is called when that is needed."""

    def __init__(self, api: Callable[[], EcrApi]) -> None:
        self._api = api

    def digest(self, wanted: Reference) -> str:
        """The digest of an image in the registry. Raises ImageNotFound."""
        image = {"imageTag": wanted.tag} if wanted.digest is None else {"imageDigest": wanted.digest}
        try:
            found = self._api().call("BatchGetImage", repositoryName=wanted.repository, imageIds=[image])
        except EcrError as error:
            raise ImageNotFound(f"{wanted}: {error}") from error
        if not found["images"]:
            raise ImageNotFound(
                f"{wanted}: Requested image not found. The repository holds: {self._tags(wanted)}. Name one of these,"
                " or build and push it (the stack's image build does)"
            )
        return found["images"][0]["imageId"]["imageDigest"]

    def push(self, target: Reference, *, manifest: bytes, config: bytes) -> None:
        """Uploads the configuration as the image's blob, then puts the manifest, in the order of `docker push`.

        Raises RegistryRefused with ECR's own message (no such repository, immutable tag, access denied).
        """
        api, repository = self._api(), target.repository
        digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
        try:
            found = api.call("BatchCheckLayerAvailability", repositoryName=repository, layerDigests=[digest])
            if not any(layer["layerAvailability"] == "AVAILABLE" for layer in found["layers"]):
                _upload(api, repository, digest, config)
            api.call(
                "PutImage",
                repositoryName=repository,
                imageManifest=manifest.decode(),
                imageManifestMediaType=MANIFEST_TYPE,
                imageTag=target.tag,
            )
        except EcrError as error:
            raise RegistryRefused(f"{target}: {error}") from error

    def _tags(self, wanted: Reference) -> str:
        found = self._api().call("DescribeImages", repositoryName=wanted.repository)["imageDetails"]
        return ", ".join(sorted(tag for image in found for tag in image.get("imageTags", []))) or "no tagged image"


def _upload(api: EcrApi, repository: str, digest: str, blob: bytes) -> None:
    upload = api.call("InitiateLayerUpload", repositoryName=repository)["uploadId"]
    api.call(
        "UploadLayerPart",
        repositoryName=repository,
        uploadId=upload,
        partFirstByte=0,
        partLastByte=len(blob) - 1,
        layerPartBlob=base64.b64encode(blob).decode(),
    )
    api.call("CompleteLayerUpload", repositoryName=repository, uploadId=upload, layerDigests=[digest])
