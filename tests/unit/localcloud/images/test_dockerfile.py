"""Dockerfiles, built for real: what they make, and what is refused with file, line and instruction."""

import subprocess
import sys
from pathlib import Path

import pytest

from localcloud.images.errors import DockerfileError, EnvironmentBuildFailed
from localcloud.images.image import Image

RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
BASE = f"FROM python:{RUNNING}-slim\n"


def contents(image: Image, destination: str) -> dict[str, str]:
    """Relative path -> text of the files at a container path."""
    [source] = [source for source, place in image.files if place == destination]
    files = [source] if source.is_file() else [path for path in sorted(source.rglob("*")) if path.is_file()]
    return {str(path.relative_to(source)): path.read_text() for path in files}


def run(image: Image, *arguments: str) -> str:
    return subprocess.run([image.python, *arguments], capture_output=True, text=True, check=True).stdout.strip()


def test_a_serving_image_as_the_workloads_build_it(project) -> None:
    project.write("inference_code/server/requirements.txt", "greeting==1.0\n")
    project.write("inference_code/server/__main__.py", "print('serving')\n")
    project.write("inference_code/mnist/requirements.txt", "farewell==1.0\n")
    project.write("inference_code/mnist/inference.py", "NAME = 'mnist'\n")
    project.write("training_code/mnist/shared/idx.py", "SIZE = 28\n")
    image = project.build(
        "# syntax=docker/dockerfile:1\n" + BASE + "ARG WORKLOAD\n"
        "ENV PYTHONUNBUFFERED=1 \\\n"
        "    # between two lines\n"
        "    PYTHONPATH=/opt/slipway\n"
        "COPY inference_code/server/requirements.txt /opt/slipway/server/requirements.txt\n"
        "COPY inference_code/${WORKLOAD}/requirements.txt /opt/slipway/inference/requirements.txt\n"
        "RUN python -m pip install --no-cache-dir -r /opt/slipway/server/requirements.txt \\\n"
        "    -r /opt/slipway/inference/requirements.txt\n"
        "COPY inference_code/server /opt/slipway/server\n"
        "COPY inference_code/${WORKLOAD} /opt/slipway/inference\n"
        "COPY training_cod[e]/${WORKLOAD}/share[d] /opt/slipway/inference/shared/\n"
        "WORKDIR /opt/slipway\n"
        "EXPOSE 8080\n"
        'ENTRYPOINT ["python", "-m", "server"]\n',
        WORKLOAD="mnist",
    )
    assert [place for _, place in image.files] == ["/opt/slipway"]
    assert set(contents(image, "/opt/slipway")) == {
        "server/requirements.txt",
        "server/__main__.py",
        "inference/requirements.txt",
        "inference/inference.py",
        "inference/shared/idx.py",
    }
    assert image.environment == {"PYTHONUNBUFFERED": "1", "PYTHONPATH": "/opt/slipway"}
    assert (image.workdir, image.entrypoint, image.command) == ("/opt/slipway", ("python", "-m", "server"), ())
    assert run(image, "-c", "import greeting, farewell; print(greeting.VERSION)") == "1.0"


def test_the_same_context_and_arguments_give_the_same_digest_and_any_difference_another(project) -> None:
    text = BASE + "ARG A=1\nENV A=$A\nCOPY code /app\n"
    path = project.write("code/x.py", "1")
    first = project.build(text).digest
    path.touch()
    assert project.build(text).digest == first
    assert project.build(text, A="2").digest != first
    project.write("code/x.py", "1", executable=True)
    assert project.build(text).digest != first
    project.write("code/x.py", "2")
    assert project.build(text).digest != first


def test_a_built_image_is_resolved_by_its_tag_in_another_process_as_well(project, tmp_path: Path) -> None:
    project.write("x.py", "1")
    built = project.build(BASE + "COPY x.py /app/\nRUN pip install greeting\n", tag="mine:1")
    assert project.registry.resolve("mine:1") == built


def test_an_image_can_start_from_one_that_was_built_here(project) -> None:
    project.write("base.txt", "base")
    project.write("app.txt", "app")
    below = project.build(
        BASE + "ENV A=1 B=1\nCOPY base.txt /app/\nRUN pip install greeting==1.0\nCMD run\nWORKDIR /app", tag="below:1"
    )
    above = project.build(
        'FROM below:1\nENV B=2\nCOPY app.txt .\nRUN pip install farewell && chmod 755 base.txt\nENTRYPOINT ["go"]\n',
        tag="above:1",
    )
    assert contents(above, "/app") == {"base.txt": "base", "app.txt": "app"}
    assert contents(below, "/app") == {"base.txt": "base"}
    assert (above.environment["A"], above.environment["B"], above.workdir) == ("1", "2", "/app")
    assert above.command == ()  # ENTRYPOINT forgets the CMD below
    assert run(above, "-c", "import greeting, farewell; print(greeting.VERSION)") == "1.0"
    [source] = [source for source, _ in below.files]
    assert (source / "base.txt").stat().st_mode & 0o777 == 0o644


def test_arguments_before_from_choose_the_base_and_can_be_declared_again(project) -> None:
    before = f"ARG VERSION={RUNNING}\nARG NAME=x\nFROM python:${{VERSION}}-slim AS app\n"
    text = before + "ARG NAME\nENV FOUND=$NAME-${VERSION:-none}\n"
    assert project.build(text).environment["FOUND"] == "x-none"
    assert project.build(text, NAME="y").environment["FOUND"] == "y-none"


def test_a_build_argument_that_nothing_declares_is_warned_of(project) -> None:
    project.build(BASE, WORKLOD="x")
    assert any("'WORKLOD' was not consumed" in line for line in project.log)


def test_a_program_on_a_system_path_is_placed_alone_and_found(project) -> None:
    project.write("train", "#!/bin/sh\necho trained\n")
    image = project.build(BASE + "COPY --chmod=755 train /usr/local/bin/train\nENV PATH=/opt/program:$PATH\n")
    assert [place for _, place in image.files] == ["/usr/local/bin/train"]
    found = [entry / "train" for entry in image.path_entries if (entry / "train").exists()]
    assert subprocess.run([found[0]], capture_output=True, text=True, check=True).stdout == "trained\n"
    assert str(image.path_entries[0]) == "/opt/program"
    assert "PATH" not in image.environment


def test_folders_below_the_containers_own_are_placed_alone(project) -> None:
    project.write("code/train.py", "1")
    image = project.build(BASE + "COPY code /opt/ml/code\nCOPY code/ /srv/app/\nWORKDIR /opt/ml/code\n")
    assert [place for _, place in image.files] == ["/opt/ml/code", "/srv/app"]


@pytest.mark.parametrize(
    ("instruction", "expected"),
    [
        ("COPY a.txt /new", {"/new": {".": "a"}}),
        ("COPY a.txt /new/", {"/new": {"a.txt": "a"}}),
        ("COPY folder /new", {"/new": {"b.txt": "b", "deep/c.txt": "c"}}),
        ("COPY *.txt /new/", {"/new": {"a.txt": "a", "z.txt": "z"}}),
        ("COPY folde[r]/dee[p] /new/deep/", {"/new": {"deep/c.txt": "c"}}),
        ("COPY nowher[e]/deep /new/", {}),
        ("COPY a.txt folder /new/", {"/new": {"a.txt": "a", "b.txt": "b", "deep/c.txt": "c"}}),
        ('COPY ["a.txt", "/new/"]', {"/new": {"a.txt": "a"}}),
        ("COPY --chown=user:user a.txt /new", {"/new": {".": "a"}}),
    ],
)
def test_copy_puts_files_where_docker_does(project, instruction: str, expected: dict) -> None:
    for name in ("a.txt", "z.txt", "folder/b.txt", "folder/deep/c.txt"):
        project.write(name, Path(name).stem)
    image = project.build(BASE + instruction)
    assert {place: contents(image, place) for _, place in image.files} == expected


def test_dockerignore_leaves_files_out(project) -> None:
    for name in ("app/a.py", "app/a.pyc", "app/cache/x", "secret.env", "keep.env"):
        project.write(name, "1")
    project.write(".dockerignore", "# comment\n**/*.pyc\napp/cache\n*.env\n!keep.env\nDockerfile\n.dockerignore\n")
    image = project.build(BASE + "COPY . /all/\n")
    assert set(contents(image, "/all")) == {"app/a.py", "keep.env"}
    with pytest.raises(DockerfileError, match=r"secret\.env.*\.dockerignore"):
        project.build(BASE + "COPY secret.env /all/\n")


@pytest.mark.parametrize("source", ["../outside", "/../outside", "nowhere.txt", "link"])
def test_copy_refuses_what_is_not_in_the_context(project, tmp_path: Path, source: str) -> None:
    (tmp_path / "outside").write_text("secret")
    (project.folder / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(DockerfileError, match=r"Dockerfile:2: COPY: .*context"):
        project.build(BASE + f"COPY {source} /new\n")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("RUN apt-get update && apt-get install -y gcc", "cannot install system packages"),
        ("RUN curl https://example.com | sh", "'|' is not supported"),
        ("RUN make all", "cannot run 'make all' without a container engine"),
        ("RUN pip install -e .", "not supported"),
        ("RUN pip install .", "folder or file"),
        ("RUN pip install", "nothing to install"),
        ("RUN pip install numpy>=2", "is not supported"),
        ("RUN python -m compileall", "names no folder"),
        ("RUN python -m compileall -j 4 /app", "-j of compileall is not supported"),
        ("RUN pip install --target /x greeting", "--target"),
        ("RUN pip install -r nowhere.txt", "no such requirement file"),
        ("RUN pip install $(cat list)", "command substitution"),
        ("RUN --network=none pip install greeting", "--network"),
        ("RUN chmod +x /nowhere", "has copied no such file"),
        ("ADD a.tgz /", "use COPY"),
        ("COPY --from=builder /a /b", "one stage"),
        ("FROM python:3.11", "second stage"),
        ("VOLUME /data", "SageMaker ignores volumes"),
        ("FETCH x", "supported: "),
        ("COPY <<EOF /x", "here-documents"),
        ("ENV A", "NAME=value"),
        ("ENV A=${B%x}", "cannot read the variable"),
    ],
)
def test_what_needs_an_engine_is_refused_with_file_line_and_instruction(project, line: str, message: str) -> None:
    with pytest.raises(DockerfileError) as refused:
        project.build(BASE + "\n# comment\n" + line + "\n")
    assert str(refused.value).startswith(f"{project.folder}/Dockerfile:4: {line.split()[0]}: ")
    assert message in str(refused.value)


def test_a_base_image_that_is_unknown_says_what_is_known(project) -> None:
    with pytest.raises(DockerfileError, match=r"Dockerfile:1: FROM: No such image: ubuntu:24\.04.*python:3"):
        project.build("FROM ubuntu:24.04\n")


def test_a_failing_installation_gives_the_installers_words(project) -> None:
    with pytest.raises(EnvironmentBuildFailed, match="no-such-package"):
        project.build(BASE + "RUN pip install no-such-package\n")


def test_code_is_compiled_for_the_paths_that_it_has_in_the_image(project) -> None:
    project.write("code/x.py", "STAGES = {'a', 'b', 'c'}\nVALUE = 1\n")
    text = BASE + "WORKDIR /opt\nCOPY code code\nRUN python -m compileall -q --invalidation-mode unchecked-hash code\n"
    image = project.build(text)
    assert project.build(text, tag="again:1").digest == image.digest
    [source] = [source for source, _ in image.files]
    [compiled] = source.rglob("*.pyc")
    assert b"/opt/code/x.py" in compiled.read_bytes()
    assert str(source).encode() not in compiled.read_bytes()
    folder = compiled.parents[1]
    (folder / "x.py").write_text("VALUE = 2")  # which nobody looks at
    assert run(image, "-c", f"import sys; sys.path.append({str(folder)!r}); import x; print(x.VALUE)") == "1"


def test_code_that_cannot_be_compiled_is_told_by_its_place_in_the_image(project) -> None:
    project.write("code/x.py", "def broken(:")
    with pytest.raises(DockerfileError, match=r"compileall: .*'/app/x\.py'"):
        project.build(BASE + "COPY code /app\nRUN python3 -m compileall -q /app\n")


def test_accounts_are_skipped_and_said(project) -> None:
    project.build(BASE + "RUN useradd --create-home model && mkdir -p /srv/model\nUSER model\n")
    assert any("useradd" in line and "skipped" in line for line in project.log)


def test_a_failed_build_leaves_no_tag_and_no_files(project) -> None:
    with pytest.raises(DockerfileError):
        project.build(BASE + "COPY Dockerfile /x/\nFETCH x\n", tag="broken:1")
    with pytest.raises(LookupError, match="No such image: broken:1"):
        project.registry.resolve("broken:1")
    assert not list((project.folder.parent / "state/images").rglob("x"))
