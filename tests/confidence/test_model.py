"""Laws of evidence and confidence."""

import functools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.confidence.answers import Answer
from mel_debug.confidence.blobs import blob_at, blob_similarity
from mel_debug.confidence.calibrations import ANY, key_for, shipped, text_of, user_path
from mel_debug.confidence.evidence import (
    BETTER_WHEN_HIGHER,
    SPOT_AT_MATCH,
    WITHIN,
    _nearness,
    evidence_of,
)
from mel_debug.confidence.fitting import LEAST, fit
from mel_debug.confidence.judge import Judge, judge_for
from mel_debug.confidence.model import Calibration, logistic
from mel_debug.confidence.words import numbers, verdict
from mel_debug.core.errors import MelError
from mel_debug.core.geometry import PatchGrid, Point
from mel_debug.core.types import Confidence, FeatureMap, Match, Measurement, Photo, Query, View
from workbench import skin, with_moles

KEYS = sorted(shipped())
values = st.floats(-50, 50)
anything = st.dictionaries(
    st.sampled_from([*BETTER_WHEN_HIGHER, "support.warp_std_px", "support.odd"]),
    st.floats(allow_nan=True, allow_infinity=True),
)


@pytest.mark.slow
@given(st.sampled_from(KEYS), anything, st.integers(16, 9000))
def test_confidence_is_a_probability_and_the_radius_a_length(
    key: str, evidence: dict[str, float], longest: int
) -> None:
    """Whatever is known, and whatever it is."""
    trust = Judge(shipped()[key], calibrated=True).confidence(evidence, longest)
    assert 0 <= trust.probability <= 1
    assert 0 < trust.radius_px <= WITHIN * longest
    assert trust.uncertain == (trust.probability < 0.5)


@given(
    st.sampled_from(KEYS),
    st.fixed_dictionaries(dict.fromkeys(BETTER_WHEN_HIGHER, values)),
    st.sampled_from(BETTER_WHEN_HIGHER),
    st.floats(0, 20),
)
def test_better_evidence_never_lowers_confidence(
    key: str, evidence: dict[str, float], name: str, more: float
) -> None:
    """For every calibration that ships, and all the evidence that every match has."""
    better = {**evidence, name: evidence[name] + more}
    before, after = shipped()[key].probabilities([evidence, better])
    assert after >= before - 1e-12


@given(st.sampled_from(KEYS), st.floats(0, 1), st.floats(0, 1))
def test_a_surer_match_has_no_larger_radius(key: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert shipped()[key].radius_share(high) <= shipped()[key].radius_share(low)


@pytest.mark.slow
@pytest.mark.parametrize("key", [*KEYS, "made up"])
def test_a_calibration_survives_its_file(key: str) -> None:
    """As JSON and back, up to rounding."""
    known = fitted() if key == "made up" else shipped()[key]
    again = Calibration.from_json(json.loads(text_of({key: known}))[key])
    evidence = [dict.fromkeys(BETTER_WHEN_HIGHER, 0.3), {}]
    assert again.probabilities(evidence) == pytest.approx(known.probabilities(evidence), abs=1e-4)
    absences, expected = again.absences(evidence), known.absences(evidence)
    assert (absences is None) == (expected is None)
    if absences is not None:
        assert absences == pytest.approx(expected, abs=1e-4)


def test_the_general_calibration_is_not_calibrated() -> None:
    """A plugin's extractor gets the general formula, and a mark that it is just that."""
    judge = judge_for("acme-vit/manhattan")
    assert not judge.calibrated
    assert judge.calibration is shipped()[ANY]
    assert judge_for("xfeat/cosine").calibrated


def test_one_family_shares_a_calibration() -> None:
    """All sizes of one extractor, under one matcher."""
    assert key_for("dinov3", "dot") == "dinov3/dot"


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_the_logistic_function_does_not_overflow(values: list[float]) -> None:
    result = logistic(np.array(values))
    assert ((result >= 0) & (result <= 1)).all()


@pytest.mark.parametrize(("probability", "radius"), [(1.1, 3.0), (-0.1, 3.0), (0.5, 0.0)])
def test_an_impossible_confidence_can_not_be_built(probability: float, radius: float) -> None:
    with pytest.raises(ValueError, match="not"):
        Confidence(probability, radius, calibrated=True, uncertain=False)


def made_up(count: int, *, seed: int = 0) -> list[Answer]:
    """Answers whose probability rises with the margin and falls with the support."""
    rng = np.random.default_rng(seed)
    answers = []
    for number in range(count):
        margin = float(rng.uniform(0, 4))
        right = rng.random() < 1 / (1 + np.exp(-3 * (margin - 2)))
        error = float(rng.rayleigh(2)) if right else 200.0
        answers.append(
            Answer(
                "s",
                f"photo {number // 10}",
                "m",
                (0.0, 0.0) if right or number % 2 else None,
                (error, 0.0),
                1000,
                {
                    "margin": margin,
                    "support.doubt": -margin,
                    "cycle_error": float("nan"),
                    "shown": float(
                        rng.uniform(-2, -1) if number % 2 == 0 else rng.uniform(-1.5, 0)
                    ),
                },
            )
        )
    return answers


@functools.cache
def fitted() -> Calibration:
    """A calibration to made-up answers; absent moles have less of a spot at the match."""
    return fit(made_up(1500), ["margin", "support.doubt", "cycle_error", "shown"])


spots = st.fixed_dictionaries(dict.fromkeys(BETTER_WHEN_HIGHER, st.floats(-4, 4)))


@pytest.mark.slow
@given(anything, st.integers(16, 9000), st.floats(0, 1))
def test_right_and_absent_are_never_likelier_together_than_certain(
    evidence: dict[str, float], longest: int, threshold: float
) -> None:
    """Whatever is known; a sure match is never of an absent mole."""
    trust = Judge(fitted(), calibrated=True, threshold=threshold).confidence(evidence, longest)
    assert trust.absent is not None
    assert trust.absent >= 0
    assert trust.probability + trust.absent <= 1 + 1e-12
    assert not (trust.probably_absent and trust.probability >= 0.5)


@pytest.mark.slow
@given(spots, st.sampled_from(SPOT_AT_MATCH), st.floats(0, 4))
def test_a_clearer_spot_never_makes_absence_likelier(
    evidence: dict[str, float], name: str, more: float
) -> None:
    """In the calibration that was fitted here and in all that ship."""
    better = {**evidence, name: evidence[name] + more}
    for calibration in (fitted(), *shipped().values()):
        absences = calibration.absences([evidence, better])
        if absences is not None:
            assert absences[1] <= absences[0] + 1e-12


def test_a_match_without_a_spot_is_that_of_an_absent_mole() -> None:
    """At a low margin the made-up answers are wrong: absent without a spot, elsewhere with one."""
    base = {"margin": 0.3, "support.doubt": -0.3}
    absences = fitted().absences([{**base, "shown": -1.9}, {**base, "shown": -0.1}])
    assert absences is not None
    assert absences[0] > 0.9
    assert absences[1] < 0.1


@pytest.mark.slow
def test_without_absent_moles_absence_is_unknown() -> None:
    """The rest is fitted all the same, and no answer is that the mole is not there."""
    present = [replace(each, truth=each.truth or (0.0, 0.0)) for each in made_up(600)]
    calibration = fit(present)
    assert calibration.absences([{}]) is None
    trust = Judge(calibration, calibrated=True).confidence({"margin": 0.0, "shown": -2.0}, 1000)
    assert trust.absent is None
    assert trust.uncertain
    assert not trust.probably_absent


@pytest.mark.slow
def test_if_all_wrong_answers_are_absent_moles_absence_is_what_confidence_leaves() -> None:
    """Nearly: with few misplaced matches the share of absent moles does not depend on evidence."""
    gone = [replace(each, truth=each.truth if each.right else None) for each in made_up(600)]
    calibration = fit(gone)
    evidence = [{"margin": 0.5}, {"margin": 3.5}]
    absences = calibration.absences(evidence)
    assert absences == pytest.approx(1 - calibration.probabilities(evidence), abs=0.01)


@pytest.mark.slow
def test_weights_decide_between_kinds_of_photos() -> None:
    """Where two kinds of photos disagree, the fit follows the one that counts more."""
    good = [replace(each, truth=(0.0, 0.0), answer=(1.0, 0.0)) for each in made_up(200)]
    bad = [replace(each, truth=(0.0, 0.0), answer=(500.0, 0.0)) for each in made_up(200, seed=1)]
    evidence = [{"margin": 2.0}]
    for heavy, light, expected in ((9.0, 1.0, 0.9), (1.0, 9.0, 0.1)):
        weights = [heavy] * 200 + [light] * 200
        (found,) = fit([*good, *bad], ["margin"], weights).probabilities(evidence)
        assert found == pytest.approx(expected, abs=0.05)


@given(st.floats(0, 1), st.integers(16, 9000))
def test_the_radius_is_never_larger_than_the_error_of_a_right_match(
    probability: float, longest: int
) -> None:
    """Also where most matches are wrong."""
    for calibration in (fitted(), *shipped().values()):
        assert 0 < calibration.radius_share(probability) * longest <= WITHIN * longest


@pytest.mark.slow
def test_a_fit_recovers_how_likely_answers_are_right() -> None:
    """On answers outside the fit, within a few hundredths."""
    calibration = fit(made_up(1500))
    for margin in (0.5, 1.5, 2.0, 2.5, 3.5):
        evidence = {"margin": margin, "support.doubt": -margin}
        (found,) = calibration.probabilities([evidence])
        assert found == pytest.approx(1 / (1 + np.exp(-3 * (margin - 2))), abs=0.09)


@pytest.mark.slow
def test_the_radius_holds_nineteen_in_twenty() -> None:
    """Of the right ones: Rayleigh's 95 % quantile, 2 sqrt(2 ln 20) of 1000."""
    radius = fit(made_up(3000)).radius_share(0.99)
    assert radius == pytest.approx(2 * np.sqrt(2 * np.log(20)) / 1000, rel=0.15)


@pytest.mark.slow
def test_missing_evidence_counts_as_its_lowest() -> None:
    """A plugin that stops reporting evidence must not become more confident."""
    calibration = fit(made_up(600), ["margin"])
    known, gone = calibration.probabilities([{"margin": 0.0}, {}])
    assert gone <= known + 1e-9


def test_too_few_answers_are_refused() -> None:
    """With what is missing."""
    with pytest.raises(MelError, match=f"{LEAST} of each"):
        fit(made_up(LEAST))


def test_own_calibrations_go_before_those_that_ship(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And make a combination calibrated that was not."""
    monkeypatch.setenv("MEL_DEBUG_CONFIG_DIR", str(tmp_path))
    general = shipped()[ANY]
    own = replace(general, right=replace(general.right, offset=7.0))
    user_path().write_text(text_of({"acme/manhattan": own}))
    judge = judge_for("acme/manhattan", 0.9)
    assert (judge.calibrated, judge.calibration.right.offset, judge.threshold) == (True, 7.0, 0.9)


def test_an_empty_file_has_no_calibrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as one that `mktemp` made for `calibrate --output`."""
    monkeypatch.setenv("MEL_DEBUG_CONFIG_DIR", str(tmp_path))
    user_path().touch()
    assert not judge_for("acme/manhattan").calibrated


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"a/b": {}}', '{"a/b": {"ramps": {}, "offset": 0}}', '{"a/b": 3}', "[" * 10**5],
    ids=range(6),
)
def test_damaged_calibrations_are_an_error_that_names_the_file(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEL_DEBUG_CONFIG_DIR", str(tmp_path))
    user_path().write_text(text)
    with pytest.raises(MelError, match=r"calibration\.json"):
        judge_for("xfeat/cosine")


def test_calibrations_of_an_earlier_version_must_be_fitted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their radius was another; the error says what to do."""
    monkeypatch.setenv("MEL_DEBUG_CONFIG_DIR", str(tmp_path))
    user_path().write_text('{"xfeat/cosine": {"ramps": {}, "offset": 0.0}}')
    with pytest.raises(MelError, match=r"earlier version.*calibrate"):
        judge_for("xfeat/cosine")


@pytest.mark.parametrize(
    ("absent", "uncertain", "calibrated", "words"),
    [
        (0.9, True, True, "probably not there absent 0.90 confidence 0.10"),
        (0.9, True, False, "NOT SURE confidence 0.10 ±12 px if right"),
        (0.4, True, True, "NOT SURE confidence 0.10 ±12 px if right"),
        (None, True, True, "NOT SURE confidence 0.10 ±12 px if right"),
        (0.9, False, True, "confidence 0.10 ±12 px if right"),
    ],
)
def test_words_follow_the_probabilities(
    absent: float | None, uncertain: bool, calibrated: bool, words: str
) -> None:
    """Absence is an answer only if the match is not accepted and the calibration knows."""
    sure = Confidence(0.1, 12.0, calibrated=calibrated, uncertain=uncertain, absent=absent)
    text = " ".join(part for part in (verdict(sure), numbers(sure)) if part)
    assert " ".join(text.split()) == words


@pytest.mark.parametrize("absent", [-0.1, 0.6, float("nan")])
def test_an_impossible_absence_can_not_be_built(absent: float) -> None:
    """It is a probability, and no match is both right and that of an absent mole."""
    with pytest.raises(ValueError, match="absent"):
        Confidence(0.5, 3.0, calibrated=True, uncertain=False, absent=absent)


def seen(photo: Photo) -> FeatureMap:
    grid = PatchGrid.fit(photo.size, photo.size.longest // 8 * 8, 8)
    cells = (grid.rows, grid.columns)
    return FeatureMap(photo, grid, np.ones((*cells, 4), np.float32), np.ones(cells, dtype=bool))


def test_an_absent_mole_has_little_contrast() -> None:
    """The same skin with the mole, and without it."""
    plain = skin(400, 400, seed=3) // 4 + 120
    marked = Photo.of(with_moles(plain, [(200, 200)], radius=6))
    here, there, gone = (
        blob_at(photo, Point(200, 200)) for photo in (marked, marked, Photo.of(plain))
    )
    present, absent = blob_similarity(here, there), blob_similarity(here, gone)
    assert present["shown"] == pytest.approx(0, abs=1e-6)
    assert absent["shown"] < -1
    assert present["shaded"] > absent["shaded"]
    assert here.salience > 2 * gone.salience


def test_rings_do_not_change_when_a_mole_is_rotated() -> None:
    """They have no direction."""
    marked = with_moles(skin(401, 401, seed=3) // 4 + 120, [(200, 200)], radius=6)
    here = blob_at(Photo.of(marked), Point(200.5, 200.5))
    turned = blob_at(Photo.of(np.ascontiguousarray(np.rot90(marked))), Point(200.5, 200.5))
    assert blob_similarity(here, turned)["shown"] > -0.02
    assert blob_similarity(here, turned)["shaded"] > -0.02


@pytest.mark.parametrize("place", [Point(0, 0), Point(63.9, 47.9), Point(5, 40)])
def test_evidence_is_there_for_every_place(place: Point) -> None:
    """Corners and tiny photos included; what can't be known is not a number."""
    features = seen(Photo.of(skin(64, 48)))
    scores = np.random.default_rng(0).random(features.valid.shape).astype(np.float32)
    match = Match(
        "m", features.grid, scores, features.valid, place, 0.5, support={"odd": Measurement(-3.0)}
    )
    query = Query("m", (View(features, Point(30, 20)),))
    evidence = evidence_of(query, features, match)
    assert set(BETTER_WHEN_HIGHER) <= set(evidence)
    assert evidence["support.odd"] < 0
    assert np.isnan([evidence[name] for name in ("cycle_error", "steady", "settled")]).all()
    rest = [
        value
        for name, value in evidence.items()
        if name not in ("cycle_error", "steady", "settled")
    ]
    assert np.isfinite(rest).all()


def test_the_margin_is_over_what_is_not_the_same_place() -> None:
    """A second peak far off lowers it; the flank of the first one does not."""
    features = seen(Photo.of(skin(800, 800)))
    scores = np.zeros(features.valid.shape, np.float32)
    scores[50, 50], scores[50, 51] = 1.0, 0.9
    place = features.grid.point_at(50, 50)
    match = Match("m", features.grid, scores, features.valid, place, 1.0)
    query = Query("m", (View(features, Point(30, 20)),))
    alone = evidence_of(query, features, match)["margin"]
    scores[10, 10] = 0.8
    rivalled = evidence_of(query, features, replace(match, scores=scores))["margin"]
    assert rivalled < 0.3 * alone


@given(st.floats(0, 1e4), st.floats(0, 1e4), st.integers(100, 10000))
def test_a_distance_counts_the_same_at_every_resolution(
    one: float, other: float, longest: int
) -> None:
    """It counts in units of the photo; one cell of 8 px at native resolution is no evidence."""
    near, far = sorted((one, other))
    assert _nearness(far, longest) <= _nearness(near, longest) <= 0
    assert _nearness(2 * near, 2 * longest) == pytest.approx(_nearness(near, longest))
    assert _nearness(8.0, 6000) == 0
    assert _nearness(48.0, 6000) < -0.5
