"""A data set with a file that is not what it says, in each of its channels."""

from __future__ import annotations

from cli.drills import trainings
from cli.drills.drill import Result
from cli.drills.stage import Stage

NOT_DETECTED = "not detected"
BROKEN = b"\x00\xff this is a drill, and no data \x00\xff\n"


class BadData:
    keeps_version = False

    def refusal(self, stage: Stage) -> str | None:
        return trainings.no_run(stage)

    def play(self, stage: Stage) -> Result:
        """One run for each channel, with a broken file in it. Refused, or the file set apart and the rest good enough:
        then a new version may serve.
        """
        played = {channel: self._play(stage, channel) for channel in sorted(stage.descriptor["data"]["channels"])}
        problems = [f"{channel}: {problem}" for channel, result in played.items() for problem in result.problems]
        outcomes = {result.outcome for result in played.values()}
        return Result(next(each for each in (NOT_DETECTED, "quarantined", "refused") if each in outcomes), problems)

    def _play(self, stage: Stage, channel: str) -> Result:
        before = stage.version()
        broken: list[trainings.Broken] = []

        def begin() -> str:
            broken.append(trainings.with_broken_object(stage, channel, BROKEN))
            return broken[0].dataset

        ending = trainings.followed(stage, begin)
        if ending.version is None:
            problems = [] if stage.version() == before else [f"version {stage.version()} serves in spite of it"]
            if not trainings.executions_of(stage, broken[0].dataset):
                problems.append("no run looked at the data")
            return Result("refused", problems)
        if _set_apart(stage, broken[0]):
            return Result("quarantined")
        return Result(NOT_DETECTED, [f"version {ending.version} was trained on the broken file {broken[0].key}"])


def _set_apart(stage: Stage, broken: trainings.Broken) -> bool:
    artifacts = stage.descriptor["artifacts"]
    (run,) = [item["name"] for item in trainings.executions_of(stage, broken.dataset)]
    found = stage.target.client("s3").list_objects_v2(
        Bucket=artifacts["bucket"], Prefix=f"{artifacts['prefix']}quarantine/{run}/"
    )
    name = broken.key.rpartition("/")[2]
    return any(item["Key"].endswith(f"/{name}") for item in found.get("Contents", []))
