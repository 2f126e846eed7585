"""Managed warm pools: what the instances of an ended training job keep for the next one that matches.

https://docs.aws.amazon.com/sagemaker/latest/dg/train-warm-pools.html. Instances take no time here, and environments are
kept for every job, so that what a pool really keeps is its persistent cache: the folder
SAGEMAKER_MANAGED_WARMPOOL_CACHE_DIRECTORY of each host. Pools end with the embedded cloud.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.containers.cleanup import remove_folder
from localcloud.sagemaker.store import Query, Store

Document = dict[str, Any]

KIND = "training-job"
CACHE = "/opt/ml/sagemaker/warmpoolcache"
CACHE_IN_ML = "sagemaker/warmpoolcache"
CACHE_ENVIRONMENT = {"SAGEMAKER_MANAGED_WARMPOOL_CACHE_DIRECTORY": CACHE}
_MATCHING_RESOURCES = ("InstanceCount", "InstanceType", "InstanceGroups", "VolumeKmsKeyId", "VolumeSizeInGB")
_MATCHING = ("RoleArn", "VpcConfig", "EnableInterContainerTrafficEncryption", "EnableNetworkIsolation")


@dataclass(kw_only=True)
class _Pool:
    key: list[Any]
    since: float
    timer: threading.Timer | None = None


class WarmPools:
    """The pools that are available, by the name of the job that left them. Thread-safe.

    Args:
        folder: where their caches are kept.
        monotonic: seconds; a pool does not outlive the process.
    """

    def __init__(self, store: Store, folder: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._folder = folder
        self._monotonic = monotonic
        self._pools: dict[str, _Pool] = {}
        self._lock = threading.RLock()
        self._closed = False

    def claim(self, name: str, job: Document) -> Path | None:
        """Takes a pool that matches `job`, for it alone: the folder with a cache a host; None where none matches."""
        key = _key(job)
        with self._lock:
            found = next((left_by for left_by, pool in self._pools.items() if pool.key == key), None)
            if found is None:
                return None
            self._end(found, {"Status": "Reused", "ReusedByJob": name})
            return self._folder / found

    def release(self, name: str, caches: dict[str, Path], end_job: Callable[[Document], None]) -> None:
        """Ends a job through `end_job`, given its WarmPoolStatus, and keeps its caches for KeepAlivePeriodInSeconds.

        Args:
            caches: host -> its cache folder.
        """
        with self._lock:
            job = self._store.get(KIND, name)
            remove_folder(self._folder / name)
            for host, cache in caches.items():
                (self._folder / name).mkdir(parents=True, exist_ok=True)
                cache.rename(self._folder / name / host)
            end_job({"Status": "Available", "ResourceRetainedBillableTimeInSeconds": 0})
            self._pools[name] = _Pool(key=_key(job), since=self._monotonic())
            self._arm(name, job)

    def update(self, name: str) -> None:
        """The job's KeepAlivePeriodInSeconds has changed; it counts from when the pool became available."""
        with self._lock:
            if name in self._pools:
                self._arm(name, self._store.get(KIND, name))

    def recover(self) -> None:
        """Pools of an earlier process are gone."""
        remove_folder(self._folder)
        for status in ("Available", "InUse"):
            for job in list(self._store.list(KIND, Query(equals={"WarmPoolStatus.Status": status}))):
                self._store.update(KIND, job["TrainingJobName"], _terminate)

    def close(self) -> None:
        """Forgets every timer; `recover` tells the jobs at the next start."""
        with self._lock:
            self._closed = True
            for pool in self._pools.values():
                if pool.timer is not None:
                    pool.timer.cancel()

    def _arm(self, name: str, job: Document) -> None:
        pool = self._pools[name]
        if pool.timer is not None:
            pool.timer.cancel()
        left = pool.since + keep_alive(job) - self._monotonic()
        if left <= 0:
            self._expire(name, pool)
        elif not self._closed:
            pool.timer = threading.Timer(left, self._expire, args=(name, pool))
            pool.timer.daemon = True
            pool.timer.start()

    def _expire(self, name: str, pool: _Pool) -> None:
        with self._lock:
            if self._pools.get(name) is pool and not self._closed:
                self._end(name, {"Status": "Terminated"})
                remove_folder(self._folder / name)

    def _end(self, name: str, status: Document) -> None:
        pool = self._pools.pop(name)
        if pool.timer is not None:
            pool.timer.cancel()
        retained = max(0, round(self._monotonic() - pool.since))

        def change(job: Document) -> None:
            job["WarmPoolStatus"] = {**status, "ResourceRetainedBillableTimeInSeconds": retained}

        self._store.update(KIND, name, change)


def keep_alive(job: Document) -> int:
    """Seconds; 0 for a job that leaves no pool."""
    return job.get("ResourceConfig", {}).get("KeepAlivePeriodInSeconds", 0)


def leaves_pool(job: Document, reason: str | None) -> bool:
    """Whether a job that ends leaves a pool: not one that never had instances, nor one whose instances may be ill.

    Args:
        job: the document before its end.
        reason: FailureReason, None for a job that has not failed.
    """
    healthy = reason is None or reason.startswith(("AlgorithmError", "ClientError"))
    return healthy and keep_alive(job) > 0 and "TrainingStartTime" in job


def place_cache(pool: Path | None, folder: Path) -> None:
    """The persistent cache of the host whose container has this folder: the pool's, or an empty one."""
    cache = folder / "ml" / CACHE_IN_ML
    cache.parent.mkdir(parents=True, exist_ok=True)
    if pool is not None and (pool / folder.name).is_dir():
        (pool / folder.name).rename(cache)
    else:
        cache.mkdir()


def _key(job: Document) -> list[Any]:
    """What two jobs must have in common ("Matching training jobs")."""
    resources = job["ResourceConfig"]
    return [*(resources.get(member) for member in _MATCHING_RESOURCES), *(job.get(member) for member in _MATCHING)]


def _terminate(job: Document) -> None:
    job["WarmPoolStatus"]["Status"] = "Terminated"
