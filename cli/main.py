"""The commands. What they do is in the other modules of this package; they are imported when a command runs, because
boto3 and rich take half a second that `slipway --help` should not cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.drills.faults import Fault
from cli.formats import Format
from cli.group import CommonOptionsGroup, Session
from cli.options import DebugOption, PortOption, RegionOption, StageOption, StateOption, TargetOption, VerboseOption

app = typer.Typer(
    cls=CommonOptionsGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="From a folder with a training script to a model service: on this machine (the default), or on AWS.",
    epilog="The options above may also stand after the command: slipway status --target aws",
)

WorkloadArgument = Annotated[str, typer.Argument(help="The workload's name, as in its manifest.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


@app.callback()
def common(
    context: typer.Context,
    target: TargetOption = "local",
    stage: StageOption = "dev",
    region: RegionOption = None,
    port: PortOption = None,
    state: StateOption = None,
    verbose: VerboseOption = False,
    debug: DebugOption = False,
) -> None:
    context.obj = Session(
        cloud=target, stage=stage, region=region, port=port, state=state, verbose=verbose, debug=debug
    )


@app.command()
def up(
    context: typer.Context,
    workloads: Annotated[
        list[str] | None,
        typer.Argument(metavar="[WORKLOAD]...", help="Deploy these only; those deployed before stay. Default: all."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="On AWS: widen permissions without asking.")] = False,
) -> None:
    """Start the embedded cloud (not with --target aws) and deploy the stack."""
    from cli import deployment

    deployment.up(context.obj, workloads or [], yes=yes)


@app.command()
def down(context: typer.Context) -> None:
    """Stop the embedded cloud. What was deployed is there again after the next `up`."""
    from cli import deployment

    deployment.down(context.obj)


@app.command()
def train(
    context: typer.Context,
    workload: WorkloadArgument,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Folder to upload as a new data set. Without it: the newest one there."),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A hyperparameter; may be repeated.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Check the folder's data before it is uploaded.")
    ] = True,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow the run until its model serves.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Upload data, which starts a training run, and follow it until the new model answers."""
    from cli import training

    training.train(context.obj, workload, folder=data, settings=settings or [], check=check, wait=wait, as_json=as_json)


@app.command()
def check(
    context: typer.Context,
    workload: WorkloadArgument,
    data: Annotated[Path, typer.Option("--data", help="Folder with the files of a data set.")],
    as_json: JsonOption = False,
) -> None:
    """Check data by the rules of the workload's manifest, as its runs do, and upload nothing."""
    from cli import checks

    checks.check(context.obj, workload, folder=data, as_json=as_json)


@app.command("sample-data")
def sample_data(
    workload: WorkloadArgument,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the data set is written.")],
) -> None:
    """Make a small data set for a workload, to try it with: slipway train WORKLOAD --data DIR."""
    from cli import sample_data as subject

    subject.make(workload, folder)
    typer.echo(f"{folder}: a data set for {workload}")


@app.command()
def predict(
    context: typer.Context,
    workload: WorkloadArgument,
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="The request's body; - reads standard input.")],
    content_type: Annotated[
        str | None, typer.Option(help="The body's media type. Default: as the file's name ends; JSON for -.")
    ] = None,
    accept: Annotated[str, typer.Option(help="The media type of the answer.")] = "application/json",
) -> None:
    """Send a request to the API and print its answer."""
    from cli import payloads
    from cli.predict import Api, refusal

    body = payloads.read(file)
    kind = content_type or payloads.content_type(file)
    answer = Api.of(context.obj.target()).predict(workload, body, kind, accept)
    if answer.status != 200:
        raise refusal(answer)
    typer.echo(answer.body, nl=accept == payloads.JSON)


@app.command()
def batch(
    context: typer.Context,
    workload: WorkloadArgument,
    source: Annotated[str, typer.Argument(metavar="FILE|S3_URI", help="Rows: JSON Lines, or CSV without a header.")],
    out: Annotated[Path, typer.Option(help="Folder for the results: each row with its answer.")],
    content_type: Annotated[
        str | None, typer.Option(help="text/csv or application/jsonlines. Default: by the name's ending.")
    ] = None,
    instance_type: Annotated[str | None, typer.Option(help="Default: the one that serves.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Score every row of a large file with the model that serves, by a Batch Transform job."""
    from cli import batch as subject

    subject.batch(
        context.obj,
        workload,
        source,
        out=out,
        content_type=content_type,
        instance_type=instance_type,
        as_json=as_json,
    )


@app.command()
def export(
    context: typer.Context,
    workload: WorkloadArgument,
    kind: Annotated[Format, typer.Option("--format", help="What to make of the model; each workload gives some.")],
    version: Annotated[str | None, typer.Option(help="A registered version; default: the one that serves.")] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write to.")] = Path(),
) -> None:
    """Download a model as a file for where this stack does not run."""
    from cli import exporting

    typer.echo(exporting.export(context.obj, workload, kind=kind, version=version, out=out))


@app.command("import")
def import_(
    context: typer.Context,
    workload: WorkloadArgument,
    source: Annotated[Path, typer.Argument(metavar="MODEL", help="A model.tar.gz, or a folder of what is in one.")],
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A data set to judge it on; default: the newest in the bucket.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow the run until the model serves.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Register a model that was made elsewhere, if it passes evaluation and gate, and follow it to the endpoint."""
    from cli import importing

    importing.import_model(context.obj, workload, source, folder=data, wait=wait, as_json=as_json)


@app.command()
def rollback(
    context: typer.Context,
    workload: WorkloadArgument,
    to: Annotated[str | None, typer.Option("--to", help="A model version; default: the approved one before.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Put an earlier model version back, at once. Of two that share the traffic: the old one."""
    from cli import rollouts

    rollouts.command(context.obj, workload, {"command": "rollback", "version": to}, as_json=as_json)


@app.command()
def promote(context: typer.Context, workload: WorkloadArgument, as_json: JsonOption = False) -> None:
    """Give all traffic to the new one of two model versions that share it."""
    from cli import rollouts

    rollouts.command(context.obj, workload, {"command": "promote"}, as_json=as_json)


@app.command()
def traffic(
    context: typer.Context,
    workload: WorkloadArgument,
    weights: Annotated[list[str], typer.Argument(metavar="VARIANT=WEIGHT...", help="For example blue=90,green=10.")],
    as_json: JsonOption = False,
) -> None:
    """Split the traffic between the variants that serve."""
    from cli import rollouts

    order = {"command": "traffic", "weights": rollouts.weights(weights)}
    rollouts.command(context.obj, workload, order, as_json=as_json)


@app.command()
def approve(
    context: typer.Context,
    workload: WorkloadArgument,
    version: Annotated[str | None, typer.Option(help="Default: the newest that waits for approval.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Approve a model version, which rolls it out. Approving an older one is a rollback."""
    from cli import rollouts

    rollouts.approve(context.obj, workload, version, as_json=as_json)


@app.command()
def verdict(
    context: typer.Context,
    workload: WorkloadArgument,
    run: Annotated[str | None, typer.Option(help="A run's name; default: the newest that came to a verdict.")] = None,
    version: Annotated[str | None, typer.Option(help="A registered model version.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show why a model was registered or refused: it beside the one that served, by metric, slice, time and size."""
    from cli import verdicts

    target = context.obj.target()
    document = verdicts.find(target, _descriptor(target, workload), run=run, version=version)
    if as_json:
        _print_json(document)
    else:
        verdicts.show(document, context.obj.out)


@app.command()
def lineage(
    context: typer.Context,
    workload: WorkloadArgument,
    version: Annotated[str | None, typer.Option(help="A registered version; default: the one that serves.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show which data, code, parameters and jobs made a model version."""
    from cli import lineage as subject

    target = context.obj.target()
    document = subject.collect(target, _descriptor(target, workload), version)
    if as_json:
        _print_json(document)
    else:
        subject.show(document, context.obj.out)


@app.command()
def drill(
    context: typer.Context,
    workload: WorkloadArgument,
    fault: Annotated[Fault, typer.Argument(help="What goes wrong.")],
    report: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the report here.")] = None,
) -> None:
    """Play a fault on the embedded cloud, under traffic, and tell what followed; 1 if that was not what must follow."""
    from cli.drills import runner

    runner.run(context.obj, workload, fault, report)


@app.command("api-key")
def api_key(context: typer.Context) -> None:
    """Print the key of the API, for the header x-api-key."""
    from cli import predict

    typer.echo(predict.api_key(context.obj.target()))


@app.command()
def status(context: typer.Context, as_json: JsonOption = False) -> None:
    """Show the API's address, the workloads, their endpoints with variants and weights, and the last runs."""
    from cli import status as subject

    document = subject.collect(context.obj.target())
    if as_json:
        _print_json(document)
    else:
        subject.show(document, context.obj.out)


@app.command()
def logs(
    context: typer.Context,
    workload: WorkloadArgument,
    run: Annotated[str | None, typer.Option(help="A run's name; default: the newest.")] = None,
    lines: Annotated[int, typer.Option(min=1, max=10_000, help="Lines of each log.")] = 100,
) -> None:
    """Print the logs of the newest run's jobs and of the endpoint."""
    from cli import descriptors
    from cli import logs as subject

    target = context.obj.target()
    for heading, found in subject.of_workload(target, descriptors.workload(target, workload), run=run, lines=lines):
        typer.echo(f"==> {heading} <==")
        typer.echo("\n".join(found) if found else "(no log)")


@app.command("runs")
def list_runs(
    context: typer.Context,
    workload: WorkloadArgument,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List past runs: data set, hyperparameters, job, metrics, and what became of them."""
    from cli import descriptors, past_runs

    target = context.obj.target()
    found = past_runs.collect(target, descriptors.workload(target, workload), limit)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        past_runs.show(found, context.obj.out)


@app.command()
def rerun(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's name, as `runs` lists it.")],
    redrive: Annotated[
        bool, typer.Option("--redrive", help="Go on from the step that failed, with the code of then.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow the run until its model serves.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Repeat a past run: the same versions of its data, the same hyperparameters, the code that is deployed now."""
    from cli import training

    again = training.redrive if redrive else training.rerun
    again(context.obj, run, wait=wait, as_json=as_json)


@app.command()
def tensorboard(
    context: typer.Context,
    workload: WorkloadArgument,
    run: Annotated[str | None, typer.Option(help="A run's name; default: the newest with a verdict.")] = None,
    board_port: Annotated[int, typer.Option("--board-port", min=1, max=65535, help="TensorBoard's port.")] = 6006,
    start: Annotated[bool, typer.Option("--open/--no-open", help="Serve them, or only print their folder.")] = True,
) -> None:
    """Look at the curves of a run's training in TensorBoard, on this machine alone."""
    from cli import tensorboard as subject

    typer.echo(subject.tensorboard(context.obj, workload, run=run, port=board_port, start=start))


@app.command()
def monitor(context: typer.Context, workload: WorkloadArgument, as_json: JsonOption = False) -> None:
    """Compare what the endpoint is asked now with what it was asked first, and its answers with labels that came."""
    from cli import monitoring

    monitoring.monitor(context.obj, workload, as_json=as_json)


@app.command()
def destroy(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete everything: endpoints, models, data, buckets, images and stacks."""
    from cli import deployment

    deployment.destroy(context.obj, yes=yes)


@app.command()
def demo(
    context: typer.Context,
    workload: Annotated[str, typer.Argument(help="A workload with a sample_data.py of digits.")] = "mnist_lightning",
    setup_seconds: Annotated[float, typer.Option(hidden=True, help="What `make setup` took before.")] = 0.0,
) -> None:
    """Run the whole loop on this machine: deploy, train, roll out, answer; write build/demo.json."""
    from cli import demo as subject

    subject.run(context.obj, workload, setup_seconds=setup_seconds)


def _descriptor(target: Any, workload: str) -> dict[str, Any]:
    from cli import descriptors

    return descriptors.workload(target, workload)


def _print_json(document: dict[str, Any]) -> None:
    typer.echo(json.dumps(document, indent=2))
