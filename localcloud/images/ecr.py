"""The embedded ECR seen from an image's side: which digest a tag has, and pushing, by ECR's ordinary API."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from localcloud.images.errors import ImageNotFound, RegistryRefused
from localcloud.images.reference import Reference
from localcloud.images.store import MANIFEST_TYPE


class ElasticContainerRegistry:
    """`client` makes a botocore `ecr` client; it is called when one is needed."""

    def __init__(self, client: Callable[[], Any]) -> None:
        self._make = client

    def digest(self, wanted: Reference) -> str:
        """The digest of an image in the registry. Raises ImageNotFound."""
        from botocore.exceptions import ClientError

        image = {"imageTag": wanted.tag} if wanted.digest is None else {"imageDigest": wanted.digest}
        try:
            found = self._make().batch_get_image(repositoryName=wanted.repository, imageIds=[image])
        except ClientError as error:
            raise ImageNotFound(f"{wanted}: {_message(error)}") from error
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
        from botocore.exceptions import ClientError

        client, repository = self._make(), target.repository
        digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
        try:
            layers = client.batch_check_layer_availability(repositoryName=repository, layerDigests=[digest])["layers"]
            if not any(layer["layerAvailability"] == "AVAILABLE" for layer in layers):
                _upload(client, repository, digest, config)
            client.put_image(
                repositoryName=repository,
                imageManifest=manifest.decode(),
                imageManifestMediaType=MANIFEST_TYPE,
                imageTag=target.tag,
            )
        except ClientError as error:
            raise RegistryRefused(f"{target}: {_message(error)}") from error

    def _tags(self, wanted: Reference) -> str:
        found = self._make().describe_images(repositoryName=wanted.repository)["imageDetails"]
        return ", ".join(sorted(tag for image in found for tag in image.get("imageTags", []))) or "no tagged image"


def _upload(client: Any, repository: str, digest: str, blob: bytes) -> None:
    upload = client.initiate_layer_upload(repositoryName=repository)["uploadId"]
    client.upload_layer_part(
        repositoryName=repository, uploadId=upload, partFirstByte=0, partLastByte=len(blob) - 1, layerPartBlob=blob
    )
    client.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest])


def _message(error: Any) -> str:
    return f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"
