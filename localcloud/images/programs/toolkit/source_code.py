"""The script's folder: fetched, unpacked, its requirements installed."""

import datetime
import hashlib
import hmac
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

_CHUNK = 1 << 20


def prepare(submit_directory: str, program: str, target: Path) -> tuple[Path, Path | None]:
    """The folder with the program, and the one with its requirements if it has any. Raises OSError, ValueError."""
    if submit_directory.startswith("s3://"):
        with tempfile.NamedTemporaryFile(suffix=".tar.gz") as archive:
            _download(submit_directory, archive)
            _unpack(Path(archive.name), target)
    elif Path(submit_directory).is_dir():
        shutil.copytree(submit_directory, target, dirs_exist_ok=True)
    else:
        _unpack(Path(submit_directory), target)
    if not (target / program).is_file():
        raise ValueError(f"{submit_directory} has no file {program}")
    return target, _install(target / "requirements.txt")


def _unpack(archive: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(target, filter="data")
    except tarfile.TarError as error:
        raise ValueError(f"{archive.name} cannot be unpacked: {error}") from error


def _install(requirements: Path) -> Path | None:
    if not requirements.is_file():
        return None
    target = Path(tempfile.mkdtemp(prefix="requirements-"))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target), "-r", requirements.name]
    done = subprocess.run(command, cwd=requirements.parent, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise ValueError(f"InstallRequirementsError: {done.stderr[-600:]}")
    return target


def _download(uri: str, file) -> None:
    """GetObject with the role's credentials, which are in the environment. Raises OSError."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    url = f"{os.environ['AWS_ENDPOINT_URL'].rstrip('/')}/{bucket}/{urllib.parse.quote(key)}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, headers=_signed(url))) as answer:  # noqa: S310  (this cloud)
            shutil.copyfileobj(answer, file, _CHUNK)
    except urllib.error.HTTPError as error:
        raise OSError(f"{uri} cannot be read: HTTP {error.code} {error.read(300).decode(errors='replace')}") from error
    file.flush()


def _signed(url: str) -> dict[str, str]:
    """The headers of a signed GET (Signature Version 4): the images of this cloud have no AWS SDK."""
    now = datetime.datetime.now(datetime.UTC)
    stamp, day, region = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d"), os.environ["AWS_REGION"]
    parts = urllib.parse.urlsplit(url)
    nothing = hashlib.sha256(b"").hexdigest()
    headers = {"host": parts.netloc, "x-amz-content-sha256": nothing, "x-amz-date": stamp}
    if token := os.environ.get("AWS_SESSION_TOKEN"):
        headers["x-amz-security-token"] = token
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = f"GET\n{parts.path}\n\n{lines}\n{names}\n{nothing}"
    scope = f"{day}/{region}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{os.environ['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/{scope}"
    authorization = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={key.hex()}"
    return {**headers, "Authorization": authorization}
