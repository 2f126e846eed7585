"""MetricDefinitions find numbers in lines."""

from localcloud.sagemaker.jobs.metrics import Measurement, MetricParser, metric_requests


def _parse(definitions: dict[str, str], *lines: str) -> tuple[list[tuple[str, float]], list[dict]]:
    seen: list[Measurement] = []
    parser = MetricParser(
        [{"Name": name, "Regex": regex} for name, regex in definitions.items()],
        clock=lambda: 7.0,
        on_measurement=seen.append,
    )
    for line in lines:
        parser.read(line)
    return [(found.name, found.value) for found in seen], parser.final()


def test_the_last_value_of_each_metric_is_final() -> None:
    seen, final = _parse({"loss": "loss=([0-9.]+)"}, "loss=0.5", "nothing", "loss=0.25 loss=0.125")
    assert seen == [("loss", 0.5), ("loss", 0.25), ("loss", 0.125)]
    assert final == [{"MetricName": "loss", "Value": 0.125, "Timestamp": 7.0}]


def test_what_is_no_finite_number_is_ignored() -> None:
    assert _parse({"m": "m=(.*)"}, "m=abc", "m=nan", "m=inf", "m=1e999", "m=") == ([], [])


def test_exponents_and_signs_are_numbers() -> None:
    assert _parse({"m": "m=(.*)"}, "m=-1.5e-3")[0] == [("m", -0.0015)]


def test_requests_carry_the_job_and_keep_to_the_limit() -> None:
    requests = list(metric_requests("job", [Measurement("m", float(n), 1.0) for n in range(1001)]))
    assert [len(request["MetricData"]) for request in requests] == [1000, 1]
    assert requests[0]["Namespace"] == "/aws/sagemaker/TrainingJobs"
    assert requests[0]["MetricData"][0]["Dimensions"] == [{"Name": "TrainingJobName", "Value": "job"}]
