"""The benchmarks run and report what they promise. How fast is no test's business."""

from benchmarks import localcloud


def test_the_embedded_clouds_benchmark_reports_every_figure():
    result = localcloud.measure(jobs=3, calls=2, rounds=1, rival=False)
    assert set(result) >= {"ratios", "runs", "machine", "load_average", "idle_memory_mib"}
    assert set(result["ratios"]) == {
        "job start / script by hand",
        "describe, 3 jobs / 1 job",
        "list, 3 jobs / 1 job",
        "write, 3 jobs / 1 job",
        "InvokeEndpoint / direct, median",
        "InvokeEndpoint / direct, p99",
    }
    assert all(ratio > 0 for ratio in result["ratios"].values())
    (runs,) = result["runs"]
    assert runs["restart_seconds"][0] > 0
    localcloud.show(result)
