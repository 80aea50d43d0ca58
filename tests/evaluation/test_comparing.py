"""Comparing configurations: grids, files of runs, ranking, and answers side by side."""

import json
import os
import re
import subprocess
import sys
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters import Site, cluster_of, until
from mel_debug.confidence.answers import Answer
from mel_debug.core.errors import UsageError
from mel_debug.core.geometry import Point
from mel_debug.core.types import Photo
from mel_debug.evaluation import searches
from mel_debug.evaluation.config_file import runs_of
from mel_debug.evaluation.configurations import grid_of, product_of, unique
from mel_debug.evaluation.ranking import paired_difference, ranked, ranking_text
from mel_debug.evaluation.side_by_side import _close_up, telling
from mel_debug.evaluation.summary import Result
from mel_debug.plugins.config import RunConfig
from workbench import run

VIT = "timm:vit_small_patch16_dinov3"
BASE = RunConfig(no_cache=True)


def answers(*errors: float) -> tuple[Answer, ...]:
    """Answers that are this many pixels off in photos of 1000 px, three moles in each target."""
    return tuple(
        Answer(
            "a.jpg", f"b{n // 3}.jpg", f"{n:032x}", (500.0, 500.0), (500.0 + off, 500.0), 1000, {}
        )
        for n, off in enumerate(errors)
    )


def result(label: str, *errors: float) -> Result:
    configuration: Any = SimpleNamespace(label=label)
    return Result(configuration, answers(*errors), 0.5, 0.1, 100.0)


def test_an_option_given_twice_is_a_grid() -> None:
    """All combinations, in order; without options there is one."""
    grid = grid_of([("layer", "-1"), ("norm", "no"), ("layer", "-3")])
    assert grid == [{"layer": "-1", "norm": "no"}, {"layer": "-3", "norm": "no"}]
    assert grid_of([]) == [{}]


def test_each_value_of_a_grid_is_a_configuration_with_a_label_of_its_own() -> None:
    """Defaults are not in the label."""
    found = product_of(
        BASE,
        extractors=[VIT, f"{VIT}[norm=no]"],
        options=grid_of([("layer", "-1"), ("layer", "-3")]),
    )
    name = f"{VIT}.lvd1689m"
    assert [each.title for each in found] == [
        name, f"{name}[layer=-3]", f"{name}[norm=no]", f"{name}[layer=-3,norm=no]",
    ]  # fmt: skip
    assert len({each.identity for each in found}) == 4


def test_a_file_has_runs_with_lists_as_grids(tmp_path: Path) -> None:
    """Defaults are shared, options joined, and paths relative to the file."""
    path = tmp_path / "runs.toml"
    path.write_text(
        '[defaults]\nimage_size = 448\noptions = { place = "peak" }\n'
        '[[run]]\nextractor = "xfeat"\nmatcher = ["cosine", "dot"]\n'
        f'[[run]]\nextractor = "{VIT}"\nweights = "w.pth"\nmatcher = "cosine"\n'
        "options = { layer = [-1, -3], norm = false }\n"
    )
    runs = runs_of(path, BASE)
    assert [each.matcher for each in runs] == ["cosine", "dot", "cosine", "cosine"]
    assert {each.image_size for each in runs} == {448}
    assert runs[2].weights == tmp_path / "w.pth"
    assert runs[3].stage_options == {"place": "peak", "layer": "-3", "norm": "no"}
    assert [each.run.values["matcher"]["place"] for each in unique(runs)] == ["peak"] * 4


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x", "can't be read as TOML"),
        ("", "has no runs"),
        ("[[runs]]", "'runs'"),
        ("run = 3", "has no runs"),
        ("[[run]]\nextracter = 'xfeat'", "sets 'extracter'; a run has .*extractor"),
        ("[[run]]\nimage_size = '448'", "not of type int"),
        ("[[run]]\nimage_size = true", "not of type int"),
        ("[[run]]\noptions = 3", "is a table"),
    ],
)
def test_a_wrong_file_is_a_usage_error(tmp_path: Path, text: str, reason: str) -> None:
    """Of one line, with what to write."""
    path = tmp_path / "runs.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=reason) as caught:
        runs_of(path, BASE)
    assert "\n" not in str(caught.value)


def test_a_ranking_is_in_order_and_marks_what_may_be_equal() -> None:
    """A configuration that is wrong in every query is clearly worse; one that errs once is not."""
    best = [1.0] * 30
    once = [1.0] * 29 + [90.0]
    never = [90.0] * 30
    ranking = ranked([result("never", *never), result("best", *best), result("once", *once)])
    assert [each.result.configuration.label for each in ranking] == ["best", "once", "never"]
    assert [each.mark for each in ranking] == ["best", "=", ""]
    assert ranking[2].difference is not None
    assert ranking[2].difference.share == -1
    assert ranking[2].difference.p < 1e-6
    text = ranking_text(ranking)
    assert "-100.0% {-100% to -100%}" in text


def test_only_queries_that_both_searched_are_compared() -> None:
    """Others say nothing about the difference."""
    own = {("a", "b", "1"): False, ("a", "b", "2"): True}
    best = {("a", "b", "2"): True, ("a", "b", "3"): False}
    difference = paired_difference(own, best)
    assert (difference.queries, difference.share, difference.p) == (1, 0.0, 1.0)
    assert not difference.is_clear


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_a_paired_difference_changes_sign_with_its_order(hits: list[tuple[bool, bool]]) -> None:
    """Its p does not; and it lies in its interval."""
    keys = [("a", f"b{n % 3}", str(n)) for n in range(len(hits))]
    one = {key: pair[0] for key, pair in zip(keys, hits, strict=True)}
    other = {key: pair[1] for key, pair in zip(keys, hits, strict=True)}
    there, back = paired_difference(one, other), paired_difference(other, one)
    assert there.share == -back.share
    assert np.isclose(there.p, back.p)
    if there.interval is not None:
        assert there.interval[0] - 1e-9 <= there.share <= there.interval[1] + 1e-9


def test_the_examples_are_queries_on_which_configurations_disagree() -> None:
    """First those that half of them find."""
    results = [result("one", 1, 90, 90), result("other", 1, 1, 90)]
    assert telling(results, 1) == [("a.jpg", "b0.jpg", f"{1:032x}")]


@pytest.mark.parametrize("side", [200, 320, 4000])
def test_a_close_up_of_a_photo_of_any_size_can_be_drawn_on(side: int) -> None:
    """The crop itself may be read-only."""
    photo = Photo.of(np.full((side, side, 3), 120, np.uint8), name="photo")
    picture = _close_up(photo, Point(side / 2, side / 2), (255, 0, 0))
    assert (picture == (255, 0, 0)).all(axis=-1).any()


def test_a_model_is_freed_before_the_next_one_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise both are in memory, and the peak that is measured is that of two models."""

    class Model:
        def search(self, _: object) -> None:
            return None

    alive: list[int] = []
    models: list[weakref.ref[Model]] = []

    def build(_: object, *, use_masks: bool) -> Model:
        assert use_masks
        alive.append(sum(model() is not None for model in models))
        built = Model()
        models.append(weakref.ref(built))
        return built

    monkeypatch.setattr(searches.Searcher, "of", build)
    state: Any = SimpleNamespace(finished={}, add=lambda *_: None)
    tasks: Any = [SimpleNamespace(configuration=object(), pair=None, key=n) for n in range(3)]
    assert list(searches.run(tasks, state)) == tasks
    assert alive == [0, 0, 0]


def test_a_file_of_runs_excludes_options_of_the_command(tmp_path: Path) -> None:
    """Which of them counts would be unclear."""
    path = tmp_path / "runs.toml"
    path.write_text("[[run]]\nextractor = 'xfeat'")
    outcome = run("evaluate", str(tmp_path), "--config", str(path), "--extractor", "xfeat")
    assert "leave out those of the command" in outcome.error


@pytest.mark.slow
@pytest.mark.usefixtures("only_builtins")
def test_a_sweep_on_two_workers_equals_one_here_and_shows_answers_side_by_side(
    tmp_path: Path,
) -> None:
    """With a grid of options; and it resumes."""
    folder = tmp_path / "made"
    made = run("synth", str(folder), "--photos", "1", "--megapixels", "0.25", "--moles", "6")
    assert made.code == 0
    sweep = (
        "evaluate", str(folder), "--extractor", "baseline:hog", "--image-size", "256",
        "-o", "pool", "1", "-o", "pool", "3", "--json", "--state",
    )  # fmt: skip
    page = tmp_path / "page"
    here = run(*sweep, str(tmp_path / "one"), "--html", str(page)).report
    there = run(*sweep, str(tmp_path / "two"), "--jobs", "2").report
    places = [
        sorted(
            (row["configuration"], row["target"], row["uuid"], *row["answer"])
            for row in report["queries"]
        )
        for report in (here, there)
    ]
    assert places[0] == places[1]
    assert len(here["ranking"]) == 2
    html = (page / "index.html").read_text()
    assert "query-01.jpg" in html
    assert re.search(r"<b>baseline:hog\[pool=3\] .*</b> (right|wrong), \d+ px off", html)
    assert (page / "query-01.jpg").is_file()
    again = run(*sweep, str(tmp_path / "two"), "--jobs", "2")
    assert "already finished" in again.stderr


@pytest.mark.slow
def test_a_sweep_on_a_dask_cluster_equals_one_here_and_resumes(tmp_path: Path) -> None:
    """With a real scheduler and two workers; a part that is finished is not searched again."""
    pytest.importorskip("distributed")
    site = Site.make(tmp_path / "site")
    folder = tmp_path / "made"
    made = run("synth", str(folder), "--photos", "1", "--megapixels", "0.25", "--moles", "6")
    assert made.code == 0
    sweep = ["--extractor", "baseline:hog", "--extractor", "slowpoke", "--image-size", "256"]
    grid = ["--matcher", "cosine", "-o", "pool", "1", "-o", "pool", "3"]

    def evaluated(state: str, *more: str) -> tuple[list[Any], str]:
        outcome = subprocess.run(
            [
                sys.executable, "-m", "mel_debug", "evaluate", str(folder), "--json",
                "--state", str(tmp_path / state), *more,
            ],
            env=site.env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert outcome.returncode == 0, outcome.stderr
        rows = json.loads(outcome.stdout)["queries"]
        keys = ("configuration", "source", "target", "uuid")
        return sorted([*(row[key] for key in keys), row["answer"]] for row in rows), outcome.stderr

    here, _ = evaluated("here", *sweep, *grid)
    with cluster_of(
        tmp_path / "cluster", site.env, "--nworkers", "2", "--nthreads", "1"
    ) as cluster:
        until(lambda: cluster.logs().count("Registered to") >= 2)
        where = ("--scheduler", cluster.address)
        some, _ = evaluated("there", *sweep[:2], *sweep[4:], *grid, *where)
        site.forget()
        there, said = evaluated("there", *sweep, *grid, *where)
    assert "already finished" in said
    assert len(some) == len(here) / 2
    assert 1 <= len(site.workers()) <= 2
    assert os.getpid() not in site.workers()
    for one, other in zip(here, there, strict=True):
        assert one[:-1] == other[:-1]
        assert np.allclose(one[-1], other[-1], atol=1e-2)
