"""The input data of a container, said once for training channels and processing inputs.

Sources: API shapes Channel, S3DataSource, ShuffleConfig, ProcessingS3Input.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from localcloud.sagemaker.jobs.augmented_manifest import read_augmented_manifest
from localcloud.sagemaker.jobs.channels import RemoteObject, S3Uri, find_objects

# One step of a Pipe-mode stream: the objects and inline values whose bytes follow each other.
Record = tuple[RemoteObject | bytes, ...]


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """Which S3 objects, for which host, in which form.

    Attributes:
        mode: File, FastFile or Pipe.
        compression: None or Gzip (Pipe only).
        wrapper: None or RecordIO (Pipe only).
        attributes: AttributeNames of an augmented manifest, in order.
        seed: of ShuffleConfig.
    """

    uri: str
    data_type: str = "S3Prefix"
    distribution: str = "FullyReplicated"
    mode: str = "File"
    compression: str = "None"
    wrapper: str = "None"
    attributes: tuple[str, ...] = ()
    seed: int | None = None

    @classmethod
    def of_channel(cls, channel: dict[str, Any], mode: str) -> DataSource:
        """A training job's channel; `mode` is its own or the algorithm's."""
        source = channel["DataSource"]["S3DataSource"]
        return cls(
            uri=source["S3Uri"],
            data_type=source["S3DataType"],
            distribution=source.get("S3DataDistributionType", "FullyReplicated"),
            mode=mode,
            compression=channel.get("CompressionType", "None"),
            wrapper=channel.get("RecordWrapperType", "None"),
            attributes=tuple(source.get("AttributeNames", [])),
            seed=channel.get("ShuffleConfig", {}).get("Seed"),
        )

    @classmethod
    def of_processing_input(cls, source: dict[str, Any]) -> DataSource:
        """A processing job's S3Input."""
        return cls(
            uri=source["S3Uri"],
            data_type=source["S3DataType"],
            distribution=source.get("S3DataDistributionType", "FullyReplicated"),
            mode=source.get("S3InputMode", "File"),
            compression=source.get("S3CompressionType", "None"),
        )

    def records(self, client: Any) -> list[Record]:
        """Everything the source names, in its own order. Raises ValueError, ClientError (see find_objects)."""
        if self.data_type == "AugmentedManifestFile":
            return read_augmented_manifest(client, S3Uri.parse(self.uri), self.attributes)
        return [(found,) for found in find_objects(client, uri=self.uri, data_type=self.data_type)]

    def part(self, records: list[Record], *, epoch: int, host: int, hosts: int) -> list[Record]:
        """What host number `host` (from 0) of `hosts` gets in an epoch.

        Shuffling comes before sharding: a record may reach another host in the next epoch (ShuffleConfig). Every host
        computes the same order by itself.
        """
        if self.seed is not None:
            records = random.Random(f"{self.seed}/{epoch}").sample(records, len(records))  # noqa: S311  (not a secret)
        return records[host::hosts] if self.distribution == "ShardedByS3Key" else records
