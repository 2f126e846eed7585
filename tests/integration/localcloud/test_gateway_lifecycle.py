"""Starting, stopping and killing the embedded cloud, and what it keeps."""

import io
import json
import os
import signal
import socket
import zipfile
import zlib
from pathlib import Path

import pytest

from localcloud import lifecycle, processes
from tests.support.embedded_cloud import EmbeddedCloud, allow, command, eventually, free_port, unique

SLEEPER = """
import os, subprocess, sys, time
def handler(event, context):
    # in a session of its own, as a stray process would be
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    return {"worker": os.getpid(), "child": child.pid}
"""


def generations(cloud: EmbeddedCloud) -> list[Path]:
    return sorted((cloud.state_dir / "generations").glob("generation-*.json"))


def saved(cloud: EmbeddedCloud, text: str) -> bool:
    """Whether the newest generation or its journal contains the text."""
    journals = sorted((cloud.state_dir / "generations").glob("journal-*.log"))
    return any(text in path.read_text() for path in [*generations(cloud)[-1:], *journals[-1:]])


def is_free(port: int) -> bool:
    try:
        lifecycle.bind(port).close()
    except lifecycle.LifecycleError:
        return False
    return True


def function(cloud: EmbeddedCloud, zip_file: bytes) -> str:
    name = unique("function")
    role = cloud.role(name, "lambda.amazonaws.com")
    cloud.client("lambda").create_function(
        FunctionName=name,
        Role=role,
        Runtime="python3.12",
        Handler="index.handler",
        Code={"ZipFile": zip_file},
        Timeout=30,
    )
    return name


def zipped(source: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", source)
    return buffer.getvalue()


def test_start_prints_what_clients_need_and_a_second_start_the_same(started):
    cloud = started()
    arguments = ("--state", str(cloud.state_dir), "--port", str(cloud.port))
    again = json.loads(command("start", *arguments).stdout)
    status = command("status", "--state", str(cloud.state_dir))
    assert again == json.loads(status.stdout)
    assert status.returncode == 0
    assert again["pid"] == cloud.pid
    assert set(again) >= {"endpoint_url", "pid", "region", "account", "access_key_id", "secret_access_key", "state"}


def test_status_of_nothing_is_one(tmp_path):
    assert command("status", "--state", str(tmp_path)).returncode == 1


def test_a_taken_port_is_named(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = command("start", "--state", str(tmp_path), "--port", str(port))
    assert result.returncode == 1
    assert f"port {port}" in result.stderr
    assert "--port" in result.stderr


def test_one_folder_has_one_server(started):
    cloud = started()
    result = command("serve", "--state", str(cloud.state_dir), "--port", str(free_port()))
    assert result.returncode == 1
    assert str(cloud.pid) in result.stderr


def test_a_reused_pid_is_not_taken_for_the_server(started):
    cloud = started()
    cloud.stop()
    instance = cloud.state_dir / "instance.json"
    recorded = json.loads(instance.read_text())
    instance.write_text(json.dumps({**recorded, "pid": os.getpid()}))
    assert command("status", "--state", str(cloud.state_dir)).returncode == 1
    assert command("stop", "--state", str(cloud.state_dir)).returncode == 0  # and this very process lives on


def test_the_secret_key_is_for_the_owner_only(started):
    cloud = started()
    assert (cloud.state_dir / "credentials.json").stat().st_mode & 0o077 == 0


def test_two_clouds_know_nothing_of_each_other(started):
    one, other = started("one"), started("other")
    one.client("s3").create_bucket(Bucket="shared-name")
    assert other.client("s3").list_buckets()["Buckets"] == []
    assert one.secret_access_key != other.secret_access_key


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_state_survives(started, end):
    cloud = started()
    bucket, group = unique("bucket"), unique("group")
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a", Body=b"body")
    role = cloud.role(unique("role"), "states.amazonaws.com", allow("s3:*"))
    cloud.client("ssm").put_parameter(Name="/a/b", Value="v", Type="String")
    cloud.client("sagemaker").create_model_package_group(ModelPackageGroupName=group)
    if end == "kill":
        cloud.kill()
    else:
        cloud.stop()
    again = started(port=cloud.port)
    assert again.restored.startswith("generation-")
    assert again.client("s3").get_object(Bucket=bucket, Key="a")["Body"].read() == b"body"
    assert again.client("ssm").get_parameter(Name="/a/b")["Parameter"]["Value"] == "v"
    assert again.client("iam").get_role(RoleName=role.rsplit("/", 1)[-1])["Role"]["Arn"] == role
    assert again.client("sagemaker").describe_model_package_group(ModelPackageGroupName=group)


def test_unusable_state_is_given_up_whole_and_said(started):
    cloud = started()
    cloud.client("s3").create_bucket(Bucket="old")
    cloud.client("sagemaker").create_model_package_group(ModelPackageGroupName="old")
    cloud.stop()
    old = '{"ministack": "0.0.1", "services": {}}'
    for generation in generations(cloud):
        generation.write_text(f"{old}\ncrc32:{zlib.crc32(old.encode()):08x}\n")
    again = started(port=cloud.port)
    assert again.restored.startswith("empty (")
    assert "0.0.1" in again.restored
    assert "0.0.1" in (cloud.state_dir / "logs" / "server.log").read_text()
    assert again.client("s3").list_buckets()["Buckets"] == []
    assert again.client("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"] == []


def test_a_damaged_generation_is_said_and_costs_nothing(started):
    cloud = started()
    cloud.client("ssm").put_parameter(Name="/kept", Value="v", Type="String")
    cloud.kill()
    damaged = generations(cloud)[-1]
    damaged.write_bytes(damaged.read_bytes()[:100])
    again = started(port=cloud.port)
    assert f"({damaged.stem} is damaged" in again.restored
    assert f"{damaged.stem} is damaged" in (cloud.state_dir / "logs" / "server.log").read_text()
    assert again.client("ssm").get_parameter(Name="/kept")["Parameter"]["Value"] == "v"


def test_a_damaged_store_is_named_with_what_to_do(started):
    cloud = started()
    cloud.client("sagemaker").create_model_package_group(ModelPackageGroupName="kept")
    cloud.stop()
    store = cloud.state_dir / "sagemaker" / "store.sqlite"
    good = store.read_bytes()
    for damaged in (b"damaged" * 100, good[:4096] + b"\xff" * (len(good) - 4096)):
        store.write_bytes(damaged)
        result = command("start", "--state", str(cloud.state_dir), "--port", str(cloud.port))
        assert result.returncode == 1
        assert f"{store} is damaged" in result.stderr
        assert "Traceback" not in result.stderr
    store.write_bytes(good)
    assert started(port=cloud.port).client("sagemaker").describe_model_package_group(ModelPackageGroupName="kept")


@pytest.mark.parametrize("action", ["start", "serve"])
def test_a_state_folder_that_cannot_be_written_is_named(tmp_path, action):
    (tmp_path / "file").write_text("")
    result = command(action, "--state", str(tmp_path / "file" / "state"), "--port", str(free_port()))
    assert result.returncode == 1
    assert str(tmp_path / "file") in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs Linux: a subreaper collects stray processes")
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_nothing_survives_the_server(started, end):
    cloud = started()
    name = function(cloud, zipped(SLEEPER))
    pids = json.load(cloud.client("lambda").invoke(FunctionName=name)["Payload"])
    assert all(processes.start_time(pid) for pid in pids.values())
    cloud.stop() if end == "stop" else cloud.kill()
    eventually(lambda: not any(processes.start_time(pid) for pid in pids.values()))


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs Linux: PR_SET_PDEATHSIG")
def test_the_server_ends_with_its_guardian(started):
    cloud = started()
    status = Path(f"/proc/{cloud.pid}/stat").read_text()
    os.kill(int(status.rpartition(")")[2].split()[1]), signal.SIGKILL)
    eventually(lambda: not processes.start_time(cloud.pid))


ANSWERING = """
import json, time, urllib.request
def handler(event, context):
    properties = event.get("ResourceProperties", {})
    if properties.get("hang") == "yes" and event["RequestType"] != "Delete":
        time.sleep(600)
    answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    body = json.dumps({**answer, "Status": "SUCCESS", "PhysicalResourceId": "c"}).encode()
    urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], data=body, method="PUT"))
"""


def template(token: str, *, hang: bool, days: int = 1) -> str:
    """A bucket and a parameter with names of their own and, after them, a resource that may hang."""
    parameter = {"Name": "/days", "Type": "String", "Value": str(days)}
    custom = {"ServiceToken": token, "hang": "yes" if hang else "no", "days": str(days)}
    resources = {
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "named-bucket"}},
        "Days": {"Type": "AWS::SSM::Parameter", "Properties": parameter},
        "Last": {"Type": "Custom::Last", "DependsOn": ["Bucket", "Days"], "Properties": custom},
    }
    return json.dumps({"Resources": resources})


def settled(cloudformation, name: str) -> str:
    def status() -> str:
        stacks = cloudformation.describe_stacks()["Stacks"]
        found = next((stack["StackStatus"] for stack in stacks if stack["StackName"] == name), "GONE")
        return "" if found.endswith("_IN_PROGRESS") else found

    return eventually(status)


def token_of(cloud: EmbeddedCloud) -> str:
    name = function(cloud, zipped(ANSWERING))
    return cloud.client("lambda").get_function(FunctionName=name)["Configuration"]["FunctionArn"]


def test_stop_does_not_wait_for_a_function_that_hangs(started):
    cloud = started()
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(StackName="hanging", TemplateBody=template(token_of(cloud), hang=True))
    eventually(lambda: saved(cloud, "named-bucket"))
    cloud.stop()  # fails unless everything has ended
    assert command("status", "--state", str(cloud.state_dir)).returncode == 1


def test_a_stack_whose_creation_a_kill_caught_can_be_deleted_and_made_again(started):
    cloud = started()
    token = token_of(cloud)
    cloud.client("cloudformation").create_stack(StackName="caught", TemplateBody=template(token, hang=True))
    eventually(lambda: saved(cloud, "named-bucket") and saved(cloud, '"CREATE_IN_PROGRESS"'))
    cloud.kill()
    again = started(port=cloud.port).client("cloudformation")
    # from this status `cdk deploy` deletes the stack and creates it anew
    assert settled(again, "caught") == "ROLLBACK_COMPLETE"
    again.delete_stack(StackName="caught")
    assert settled(again, "caught") == "GONE"
    again.create_stack(StackName="caught", TemplateBody=template(token, hang=False))
    assert settled(again, "caught") == "CREATE_COMPLETE"


def test_a_stack_whose_update_a_kill_caught_takes_the_same_update_again(started):
    cloud = started()
    token = token_of(cloud)
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(StackName="caught", TemplateBody=template(token, hang=False))
    assert settled(cloudformation, "caught") == "CREATE_COMPLETE"
    cloudformation.update_stack(StackName="caught", TemplateBody=template(token, hang=True, days=2))
    eventually(lambda: saved(cloud, '"UPDATE_IN_PROGRESS"'))
    cloud.kill()
    running = started(port=cloud.port)
    again = running.client("cloudformation")
    assert settled(again, "caught") == "UPDATE_ROLLBACK_COMPLETE"
    body = again.get_template(StackName="caught")["TemplateBody"]
    assert body["Resources"]["Last"]["Properties"]["days"] == "1"
    again.update_stack(StackName="caught", TemplateBody=template(token, hang=False, days=2))
    assert settled(again, "caught") == "UPDATE_COMPLETE"
    assert running.client("ssm").get_parameter(Name="/days")["Parameter"]["Value"] == "2"


def test_functions_survive_a_kill_with_their_code(started):
    cloud = started()
    name = function(cloud, zipped("def handler(event, context): return 1"))
    cloud.client("lambda").update_function_code(
        FunctionName=name, ZipFile=zipped("def handler(event, context): return 2")
    )
    cloud.kill()
    again = started(port=cloud.port)
    answer = again.client("lambda").invoke(FunctionName=name)
    assert answer["Payload"].read() == b"2"


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs Linux: a subreaper collects stray processes")
def test_the_port_is_free_as_soon_as_the_server_is_dead(started):
    cloud = started()
    name = function(cloud, zipped(SLEEPER))
    cloud.client("lambda").invoke(FunctionName=name)
    guardian = int(Path(f"/proc/{cloud.pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(guardian, signal.SIGSTOP)  # a guardian that has much to end
    try:
        cloud.kill()
        eventually(lambda: is_free(cloud.port))  # its threads end one after the other
    finally:
        os.kill(guardian, signal.SIGCONT)
