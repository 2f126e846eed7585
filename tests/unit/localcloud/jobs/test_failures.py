"""FailureReason in SageMaker's words and within its length."""

from pathlib import Path

from botocore.exceptions import ClientError

from localcloud.sagemaker.jobs import failures

ROLE = "arn:aws:iam::000000000000:role/training"


def _denied(operation: str) -> ClientError:
    return ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, operation)


def test_a_crash_has_its_text_and_its_exit_code() -> None:
    assert failures.algorithm_error("ValueError: x", 2) == "AlgorithmError: ValueError: x, exit code: 2"
    assert failures.algorithm_error("", 137) == "AlgorithmError: , exit code: 137"


def test_a_long_text_is_cut_so_that_the_exit_code_stays() -> None:
    reason = failures.algorithm_error("x" * 5000, 1)
    assert len(reason) == failures.MAX_REASON
    assert reason.endswith("x, exit code: 1")


def test_a_refused_download_names_the_action_the_role_and_the_place() -> None:
    for operation, action in [("GetObject", "s3:GetObject"), ("ListObjectsV2", "s3:ListBucket")]:
        failure = failures.download_failed(_denied(operation), uri="s3://b/k", role_arn=ROLE)
        assert failure.reason.startswith("ClientError: Data download failed: Failed to download data from s3://b/k. ")
        assert f'role "{ROLE}" has "{action}" permissions' in failure.reason


def test_a_refused_upload_names_put_object() -> None:
    for operation in ("PutObject", "UploadPart", "CreateMultipartUpload"):
        failure = failures.upload_failed(_denied(operation), uri="s3://b/k", role_arn=ROLE)
        assert failure.reason.startswith("ClientError: Artifact upload failed: ")
        assert '"s3:PutObject"' in failure.reason


def test_the_failure_file_is_read_up_to_its_limit_whatever_it_contains(tmp_path: Path) -> None:
    path = tmp_path / "failure"
    assert failures.read_message(path) == ""
    path.write_bytes("é".encode() * 3000)
    assert failures.read_message(path) == "é" * 1024
    path.write_bytes(b"\xff\xfe broken")
    assert failures.read_message(path).endswith(" broken")
