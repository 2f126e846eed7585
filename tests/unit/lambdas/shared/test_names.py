import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared import names

VERSIONS = st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=8)


@given(VERSIONS, st.randoms())
def test_the_data_hash_does_not_depend_on_the_order(versions: list[tuple[str, str]], random) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(versions)
    random.shuffle(shuffled)
    assert names.data_hash(shuffled) == names.data_hash(versions)


@given(VERSIONS, VERSIONS)
def test_other_versions_give_another_hash(one: list[tuple[str, str]], other: list[tuple[str, str]]) -> None:
    assert (names.data_hash(one) == names.data_hash(other)) == (sorted(one) == sorted(other))


@given(st.from_regex(names.DATASET, fullmatch=True), VERSIONS)
def test_a_run_name_is_a_name_that_start_execution_and_the_plan_take(
    dataset: str, versions: list[tuple[str, str]]
) -> None:
    run = names.run_name(dataset, versions)
    assert len(run) <= 80
    assert names.RUN.fullmatch(run)


def test_a_job_is_named_after_the_first_twelve_digits_of_the_runs_sha_256() -> None:
    digest = hashlib.sha256(b"some-run").hexdigest()
    assert names.job_name("slipway-dev-digits", "some-run") == f"slipway-dev-digits-{digest[:12]}"


@pytest.mark.parametrize("version", [1, 12, 345])
def test_a_models_name_carries_its_version(version: int) -> None:
    name = names.model_name("slipway-dev-digits-v2", version=version, execution="e")
    assert re.fullmatch(rf"slipway-dev-digits-v2-v{version}-[0-9a-f]{{8}}", name)
    assert names.model_version(name) == str(version)


def test_a_name_that_no_rollout_made_has_no_version() -> None:
    assert names.model_version("somebody-elses-model") is None
