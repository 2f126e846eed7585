"""The settings that ministack reads from the environment when it is imported."""

from __future__ import annotations

import os

from localcloud.config import HOST, Config


def prepare(config: Config) -> None:
    data = config.state_dir / "ministack"
    data.mkdir(parents=True, exist_ok=True)
    # Functions inherit this environment: no path to our own code may be in it, which AWS would not have either.
    for name in (
        "PYTHONPATH",
        "PYTHONDONTWRITEBYTECODE",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_ENDPOINT_URL",
        "SERVICES",
        "USE_SSL",
        "LAMBDA_EXECUTOR",
    ):
        os.environ.pop(name, None)
    os.environ.update(
        {
            "AUTH": "true",
            "GATEWAY_PORT": str(config.port),
            "MINISTACK_HOST": HOST,
            "MINISTACK_REGION": config.region,
            "MINISTACK_ACCOUNT_ID": config.account,
            "AWS_ACCESS_KEY_ID": config.access_key_id,
            "AWS_SECRET_ACCESS_KEY": config.secret_access_key,
            "AWS_REGION": config.region,
            "AWS_DEFAULT_REGION": config.region,
            # State is recorded by us (see recorder.py); object bodies go to disk as they arrive.
            "PERSIST_STATE": "0",
            "STATE_DIR": str(data),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(data / "s3"),
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": os.environ.get("LOCALCLOUD_LOG_LEVEL", "WARNING"),
            "DOCKER_HOST": "unix:///nonexistent/localcloud-uses-no-docker.sock",
            "NO_PROXY": ",".join(filter(None, [HOST, "localhost", os.environ.get("NO_PROXY", "")])),
        }
    )
    os.environ["no_proxy"] = os.environ["NO_PROXY"]
