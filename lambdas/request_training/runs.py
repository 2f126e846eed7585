"""From a pending request to an execution of the train machine."""

import json
from dataclasses import asdict, dataclass

from botocore.exceptions import ClientError
from shared.clients import error_code
from shared.descriptor import Descriptor
from shared.errors import InvalidDocument
from shared.log import Log
from shared.names import run_name

from request_training import dataset as data
from request_training.dataset import DataSetTooLarge, Request, StoredObject
from request_training.events import REQUEST_FILE
from request_training.lease import Held, Lease
from request_training.recipe import recipe
from request_training.records import TrainingRequest
from request_training.services import Services

# StartExecution takes 262,144 characters; later states carry the input beside their own results.
MAX_INPUT_CHARACTERS = 220_000


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """A data set as it lies in the bucket now. `missing`: what it still lacks, in words. `problem`: what is wrong with
    its request.json.
    """

    name: str
    objects: list[StoredObject]
    asked: Request
    missing: list[str]
    problem: InvalidDocument | None = None


class Runs:
    """Starts the run that one request asks for. What a data set holds is read once: of what comes while it is looked
    at, an event tells.
    """

    def __init__(self, services: Services, descriptor: Descriptor, log: Log) -> None:
        self._services, self._descriptor, self._log = services, descriptor, log
        self._known: dict[str, DataSet] = {}

    def is_announced(self, request: TrainingRequest) -> bool:
        """True for a data set that is complete and says itself how many files it has: nothing more is to be
        waited for.
        """
        if request.ask.dataset is None or request.ask.token:
            return False
        found = self._read(request.ask.dataset)
        return found.problem is not None or (found.asked.objects > 0 and not found.missing)

    def start(self, request: TrainingRequest) -> None:
        """Starts the run that the request asks for, or leaves it pending until the lease is free."""
        if request.redriven:
            self._redrive(request, request.redriven)
            return
        if request.of_deployment and self._services.records.recipe() == recipe(self._descriptor):
            self._log.info("the newest run was made with what is deployed")
            self._services.records.handled(request)
            return
        name = request.ask.dataset or data.newest(self._services.s3, **self._descriptor["data"])
        if name is None:
            self._log.info("there is no data set")
            self._services.records.handled(request)
            return
        log, found = self._log.bind(dataset=name), self._read(name)
        if found.problem:
            self._refuse(found.problem, request, found, log)
        elif found.missing:
            log.info("incomplete", missing=found.missing)
            self._services.records.handled(request)
        else:
            self._start(request, found, log)

    def _read(self, name: str) -> DataSet:
        if name not in self._known:
            self._known[name] = self._look(name)
        return self._known[name]

    def _look(self, name: str) -> DataSet:
        place, s3 = self._descriptor["data"], self._services.s3
        prefix, channels = f"{place['prefix']}{name}/", place["channels"]
        objects = data.current_objects(s3, bucket=place["bucket"], prefix=prefix, channels=channels)
        try:
            asked = data.requested(s3, bucket=place["bucket"], prefix=prefix, objects=objects)
        except InvalidDocument as error:
            return DataSet(name=name, objects=objects, asked=Request(), missing=[], problem=error)
        missing = data.missing_files(objects, prefix=prefix, channels=channels)
        missing += data.missing_objects(objects, prefix=prefix, request=asked)
        return DataSet(name=name, objects=objects, asked=asked, missing=missing)

    def _refuse(self, error: InvalidDocument, request: TrainingRequest, found: DataSet, log: Log) -> None:
        """Starts nothing, and raises one alert a version of request.json."""
        log.error("refused", reason=str(error))
        version = next((o.version_id for o in found.objects if o.key.endswith(f"/{found.name}/{REQUEST_FILE}")), "")
        workload = self._descriptor["name"]
        if request.refused != version:
            self._services.sns.publish(
                TopicArn=self._services.alerts_topic_arn,
                Subject=f"Slipway: no training run for {workload}"[:100],
                Message=f"Data set {found.name} of workload {workload} starts no run. {error}\n"
                "Write a correct request.json over it, or delete it.",
            )
            self._services.records.refused(request, version)
        self._services.records.handled(request)

    def _start(self, request: TrainingRequest, found: DataSet, log: Log) -> None:
        lease = self._services.lease(self._descriptor)
        run = _name(request, found, lease)
        taken = lease.acquire(run)
        if not isinstance(taken, Held):
            log.info("waiting", run=run, reason=taken.reason)
            self._services.remind(request.ask.id, request.revision, seconds=taken.seconds)
            return
        try:
            run_input = self._input(request, found, taken.token)
        except DataSetTooLarge:
            lease.give_back(run)
            raise
        try:
            self._services.states.start_execution(
                stateMachineArn=self._descriptor["train_state_machine_arn"], name=run, input=run_input
            )
            log.info("started", run=run, objects=len(found.objects), token=taken.token)
            self._services.records.started(run, recipe(self._descriptor))
        except ClientError as error:
            if error_code(error) != "ExecutionAlreadyExists":
                raise
            log.info("duplicate", run=run)
            if lease.running(run):  # perhaps this function was killed before it could record the run
                self._services.records.started(run, recipe(self._descriptor))
            else:
                lease.give_back(run)
        self._services.records.handled(request)

    def _redrive(self, request: TrainingRequest, run: str) -> None:
        """Lets a run that failed go on from the state that failed, when the lease is free."""
        lease, log = self._services.lease(self._descriptor), self._log.bind(run=run)
        taken = lease.acquire(run, again=True)
        if not isinstance(taken, Held):
            log.info("waiting", reason=taken.reason)
            self._services.remind(request.ask.id, request.revision, seconds=taken.seconds)
            return
        try:
            self._services.states.redrive_execution(executionArn=lease.execution_arn(run))
            log.info("redriven", token=taken.token)
        except ClientError as error:
            if error_code(error) not in ("ExecutionNotRedrivable", "ExecutionDoesNotExist"):
                raise
            log.error("cannot be redriven", reason=str(error))
            if not lease.running(run):
                lease.give_back(run)
        self._services.records.handled(request)

    def _input(self, request: TrainingRequest, found: DataSet, token: int) -> str:
        imported = found.asked.imported_model
        text = json.dumps(
            {
                "workload": self._descriptor["name"],
                "dataset": found.name,
                "objects": [asdict(item) for item in found.objects],
                "hyperparameters": {**found.asked.hyperparameters, **request.ask.hyperparameters},
                "fencing_token": token,
                **({"imported_model": imported} if imported else {}),
            },
            separators=(",", ":"),
        )
        if len(text) > MAX_INPUT_CHARACTERS:
            raise DataSetTooLarge(
                f"data set {found.name} has {len(found.objects)} objects, more than a run's input can name "
                f"({len(text)} of {MAX_INPUT_CHARACTERS} characters): pack the files into archives"
            )
        return text


def _name(request: TrainingRequest, found: DataSet, lease: Lease) -> str:
    """The same versions are the same run, unless somebody asked for another one over them. A deployment asks for none
    of its own over versions that no run has had yet: who uploads while the stack is deployed wants one.
    """
    versions = [(item.key, item.version_id) for item in found.objects]
    first = run_name(found.name, versions)
    if not request.ask.token or (request.of_deployment and not lease.exists(first)):
        return first
    return run_name(found.name, [*versions, ("", request.ask.token)])
