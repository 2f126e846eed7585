from pathlib import Path

from localcloud.images import uv


def test_a_wheel_folder_of_pip_is_told_to_uv(tmp_path: Path) -> None:
    (tmp_path / "torch-2.13.0+cpu-py3-none-any.whl").touch()
    variables = uv.environment({"PIP_FIND_LINKS": f"{tmp_path} /other"})
    assert variables["UV_FIND_LINKS"] == f"{tmp_path},/other"
    assert "UV_TORCH_BACKEND" not in variables


def test_without_a_torch_wheel_at_hand_uv_chooses_the_build_for_this_machine(tmp_path: Path) -> None:
    assert uv.environment({})["UV_TORCH_BACKEND"] == "auto"
    assert uv.environment({"PIP_FIND_LINKS": str(tmp_path)})["UV_TORCH_BACKEND"] == "auto"


def test_what_the_user_tells_uv_goes_before(tmp_path: Path) -> None:
    variables = uv.environment({"UV_FIND_LINKS": "https://wheels", "PIP_FIND_LINKS": str(tmp_path)})
    assert variables["UV_FIND_LINKS"] == "https://wheels"
    assert uv.environment({"UV_TORCH_BACKEND": "cu128"})["UV_TORCH_BACKEND"] == "cu128"


def test_the_environment_that_this_program_runs_in_is_not_touched() -> None:
    assert "VIRTUAL_ENV" not in uv.environment({"VIRTUAL_ENV": "/somewhere"})
