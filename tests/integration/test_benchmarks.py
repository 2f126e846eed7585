"""The benchmarks run and report what they promise. How fast is no test's business."""

from benchmarks import data, lambdas, localcloud, synth
from benchmarks.report import show, write_docs


def test_the_embedded_clouds_benchmark_reports_every_figure(tmp_path):
    result = localcloud.measure(jobs=3, calls=2, rounds=1, rival=False)
    assert set(result) >= {"ratios", "spread", "goals", "runs", "machine", "load_average"}
    assert set(result["ratios"]) == {
        "job start / script by hand",
        "describe, 3 jobs / 1 job",
        "list, 3 jobs / 1 job",
        "write, 3 jobs / 1 job",
        "InvokeEndpoint / direct, median",
        "InvokeEndpoint / direct, p99",
    }
    assert all(ratio > 0 for ratio in result["ratios"].values())
    (run,) = result["runs"]
    assert run["restart"] > 0
    show(result)
    write_docs("localcloud", localcloud.__doc__, result, tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"localcloud.json", "localcloud.md", "localcloud.svg"}


def test_the_data_benchmark_reports_every_figure():
    result = data.measure(rounds=1, megabytes=1, records=3, rival=False)
    assert set(result["ratios"]) == {data.SHARDS, data.CSV, data.NPY}
    assert all(ratio > 0 for ratio in result["ratios"].values())


def test_the_lambdas_benchmark_reports_every_figure():
    result = lambdas.measure(rounds=1, calls=3)
    assert set(result["ratios"]) >= {lambdas.BOTO3_BYTECODE, lambdas.PLAIN, "predict: cold start / bare boto3"}
    assert all(ratio > 0 for ratio in result["ratios"].values())


def test_the_synthesis_benchmark_compares_equal_assemblies(tmp_path):
    application = synth.Application(tmp_path, 1)
    synth.check_equal(application)
    assert "slipway-dev-iris-byoc.template.json" in application.written()
