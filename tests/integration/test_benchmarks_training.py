"""The benchmarks of training and of videos run and report what they promise. How fast is no test's business."""

import pytest

from benchmarks import training, video
from benchmarks.timed import Run
from benchmarks.trainings.comparison import WrongResult, require
from benchmarks.trainings.scripts import PATTERNS, Scripts


def test_a_script_is_compared_with_its_articles(tmp_path):
    (pattern,) = (pattern for pattern in PATTERNS if pattern.name == "xgboost")
    result = training.compare([Scripts(pattern, tmp_path)], rounds=1)
    assert set(result["ratios"]) == {"xgboost: start to end, article / ours"} == set(result["goals"])
    (run,) = result["runs"]
    assert set(run) == {"xgboost: ours", "xgboost: article"}
    assert all(figures["seconds"] > 0 and figures["validation_auc"] > 0.85 for figures in run.values())


def test_the_video_step_picks_the_patterns_frames(tmp_path):
    step = video.Step(tmp_path, clips=2, seconds=1)
    step.check()
    for path in (tmp_path / "pattern").rglob("*.npz"):
        path.write_bytes(b"")
    step.pattern = lambda: 0.0
    with pytest.raises(WrongResult):
        step.check()


def test_every_workload_with_an_article_has_a_comparison():
    assert set(training.COMPARISONS) == {"mnist", "keras", "xgboost", "gcn", "distilbert", "video"}


def test_figures_are_read_from_lines_and_have_to_be_good_enough():
    run = Run(lines=[(1.0, "epoch=1 val=0.5"), (1.5, "epoch=2 val=0.9"), (3.0, "epoch=3 val=0.8")], total=4.0)
    assert (run.first("epoch="), run.interval("epoch="), run.figure("val")) == (1.0, 1.0, 0.8)
    with pytest.raises(ValueError, match="no line has loss="):
        run.figure("loss")
    with pytest.raises(WrongResult, match="accuracy is nan"):
        require("accuracy", float("nan"), at_least=0.9)
