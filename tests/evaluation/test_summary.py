"""The measures and the quality gate of a configuration, for answers written by hand."""

import pytest

from mel_debug.confidence.answers import Answer
from mel_debug.core.errors import UsageError
from mel_debug.evaluation.configurations import Configuration, product_of
from mel_debug.evaluation.gallery import kind_of, worst_of
from mel_debug.evaluation.quality_gate import AT_LEAST, AT_MOST, Requirement, violations
from mel_debug.evaluation.summary import Result, Summary, summary_of
from mel_debug.evaluation.tables import (
    csv_table,
    markdown_report,
    markdown_table,
    text_report,
    text_table,
)
from mel_debug.plugins.config import RunConfig

pytestmark = pytest.mark.usefixtures("only_builtins")


def answer(
    error: float | None,
    confidence: float,
    absent: float | None = 0.0,
    *,
    target: str = "a",
    radius: float = 9,
) -> Answer:
    """An answer in a photo of 2000 px, `error` px from the truth; None: the mole is absent."""
    return Answer(
        source="s",
        target=target,
        uuid="m",
        truth=None if error is None else (100.0, 100.0),
        answer=(100.0 + (error or 0), 100.0),
        longest=2000,
        evidence={},
        confidence=confidence,
        radius_px=radius,
        uncertain=confidence < 0.5,
        absent=absent,
        probably_absent=absent is not None and absent > 0.5,
    )


ANSWERS = (
    answer(5, 0.9),  # right, held by its radius
    answer(16, 0.8),  # right (0.8 % of 2000 is 16), outside its radius
    answer(30, 0.7),  # not within 0.8 %, yet within 50 px
    answer(90, 0.6, target="b"),  # wrong and accepted
    answer(4, 0.3, target="b"),  # right and turned down
    answer(500, 0.1, 0.6, target="b"),  # present, but reported absent
    answer(None, 0.55, target="b"),  # an absent mole accepted
    answer(None, 0.2, 0.7, target="b"),  # an absent mole reported absent
)


@pytest.fixture
def configuration() -> Configuration:
    return product_of(RunConfig(extractor="xfeat", preset="fast", no_cache=True))[0]


@pytest.fixture
def summary(configuration: Configuration) -> Summary:
    return summary_of(Result(configuration, ANSWERS, 2.0, 0.5, 100.0))


def test_counts_match_the_answers(summary: Summary) -> None:
    """Absent moles count in no distance."""
    assert (summary.queries, summary.absent) == (6, 2)
    assert summary.within_px == {"10": 2, "20": 3, "50": 4, "100": 5}
    assert summary.median_px == 23


def test_rates_match_the_answers(summary: Summary) -> None:
    """PCK at 0.01, 0.02, 0.05 of 2000: within 20, 40, 100 px."""
    values = {name: rate.value for name, rate in summary.rates.items()}
    assert values["pck@0.01"] == 3 / 6
    assert values["pck@0.02"] == 4 / 6
    assert values["pck@0.05"] == 5 / 6
    assert values["coverage"] == 4 / 6
    assert values["wrong_accepted"] == 2 / 5
    assert values["risk"] == 3 / 5
    assert values["false_accepts"] == 1 / 2
    assert values["radius_coverage"] == 1 / 2
    assert values["absent_found"] == 1 / 2
    assert values["false_absent"] == 1 / 6


def test_auroc_is_over_present_and_absent_moles(summary: Summary) -> None:
    """Right: .9 .8 .3. Wrong: .7 .6 .1 .55 .2. In order: 5 + 5 + 2 of 15 pairs."""
    assert summary.auroc == pytest.approx(12 / 15)


def test_the_calibration_error_is_over_all_answers(summary: Summary) -> None:
    """Each of eight bins has one answer but 0.5-0.6, which 0.55 has alone as 0.6 is in the next."""
    gaps = [0.1, 0.2, 0.7, 0.6, 0.7, 0.1, 0.55, 0.2]
    assert summary.ece == pytest.approx(sum(gaps) / 8)


def test_the_calibration_error_of_absence_is_over_all_answers(summary: Summary) -> None:
    """Six at 0, one of which is absent; 0.6 present; 0.7 absent."""
    assert summary.absent_ece == pytest.approx((6 * 1 / 6 + 0.6 + 0.3) / 8)


def test_unknown_absence_has_no_table(configuration: Configuration) -> None:
    """As with a calibration that was fitted without absent moles."""
    unknown = (answer(5, 0.9, None), answer(None, 0.2, None))
    summary = summary_of(Result(configuration, unknown, None, None, None))
    assert summary.absent_ece is None
    assert summary.as_json()["absent_reliability"] is None
    assert len(summary.as_json()["reliability"]) == 2


def test_a_report_has_reliability_tables_of_enough_answers(configuration: Configuration) -> None:
    """Of confidence and of absence, in text and Markdown; none for eight answers."""
    many = summary_of(Result(configuration, ANSWERS * 7, None, None, None))
    few = summary_of(Result(configuration, ANSWERS, None, None, None))
    for report in (text_report, markdown_report):
        text = report([many], {})
        assert "reliability of `confidence`" in text
        assert "reliability of `absent`" in text
        assert "reliability" not in report([few], {})
    assert "0.5 to 0.6" in text_report([many], {})
    assert "0.4 to 0.5" not in text_report([many], {})


def test_several_roots_have_a_table_each_and_one_of_all(summary: Summary) -> None:
    """In CSV their lines have a name, which is empty for all."""
    roots = {"real": [summary], "made": [summary]}
    lines = text_report([summary], roots).splitlines()
    assert [line for line in lines if line in ("real", "made", "all")] == ["real", "made", "all"]
    assert sum(line.startswith("queries ") for line in lines) == 3
    assert "## real" in markdown_report([summary], roots)
    assert [line.split(",")[0] for line in csv_table([summary], roots).splitlines()] == [
        "root",
        "real",
        "made",
        "",
    ]


def test_the_report_has_every_measure_by_its_name(summary: Summary) -> None:
    """The JSON has every documented key."""
    data = summary.as_json()
    assert {
        "extractor", "matcher", "preset", "image_size", "queries", "absent", "within_px", "pck",
        "median_px", "auroc", "coverage", "wrong_accepted", "ece", "radius_coverage",
        "seconds_per_photo", "seconds_per_query", "absent_found", "false_absent", "absent_ece",
        "reliability", "absent_reliability",
    } <= set(data)  # fmt: skip
    assert data["pck"] == {"0.01": 0.5, "0.02": 4 / 6, "0.05": 5 / 6}
    assert set(data["intervals"]["coverage"]) == {"wilson", "photos"}


def test_every_table_has_every_configuration(summary: Summary) -> None:
    """This holds for text, Markdown and CSV."""
    assert "xfeat cosine 2048" in text_table([summary])
    assert markdown_table([summary, summary]).splitlines()[1] == "| --- | ---: | ---: |"
    head, row = csv_table([summary]).splitlines()
    cells = dict(zip(head.split(","), row.split(","), strict=True))
    assert cells["within_50_px"] == "4"
    assert float(cells["coverage"]) == 4 / 6


def test_a_requirement_that_is_met_has_no_violation(summary: Summary) -> None:
    """The bound itself meets it."""
    requirements = [Requirement.parse("pck@0.01=0.5"), Requirement.parse("wrong_accepted=0.4")]
    assert violations(requirements, [summary]) == []


def test_a_violation_has_name_value_and_bound(summary: Summary) -> None:
    """Some measures have a lower bound, others an upper one."""
    requirements = [Requirement.parse("pck@0.01=0.6"), Requirement.parse("median_px=20")]
    low, high = violations(requirements, [summary])
    assert low.startswith("pck@0.01 is 0.5, under 0.6")
    assert high.startswith("median_px is 23, over 20")


def test_a_measure_without_a_value_meets_no_requirement(configuration: Configuration) -> None:
    """Without absent moles there is no rate of false accepts."""
    summary = summary_of(Result(configuration, ANSWERS[:3], None, None, None))
    assert len(violations([Requirement.parse("false_accepts=1")], [summary])) == 1


@pytest.mark.parametrize("name", [*AT_LEAST, *AT_MOST])
def test_every_name_of_a_requirement_is_a_measure(summary: Summary, name: str) -> None:
    assert summary.measure(name) is not None


@pytest.mark.parametrize("text", ["pck@0.03=0.5", "pck@0.01", "pck@0.01=much", ""])
def test_a_malformed_requirement_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="fail_under"):
        Requirement.parse(text)


def test_a_confident_error_is_worse_than_an_uncertain_one() -> None:
    """Right answers come last, the furthest off first."""
    worst = worst_of(ANSWERS, 8)
    assert [each.confidence for each in worst] == [0.7, 0.6, 0.55, 0.1, 0.8, 0.9, 0.3, 0.2]


@pytest.mark.parametrize(("confidence", "absent"), [(0.2, 0.7), (0.01, 0.1), (0.6, 0.7)])
def test_an_absent_mole_that_is_not_accepted_is_right(confidence: float, absent: float) -> None:
    """Whether it is reported as absent, or only as not sure."""
    assert kind_of(answer(None, confidence, absent)) == "gone"
    assert kind_of(answer(None, 0.9, 0.1)) == "bad"
    assert kind_of(answer(4, confidence, absent)) == "unsure"


def test_a_configuration_without_answers_has_a_report(configuration: Configuration) -> None:
    """All its values are missing."""
    summary = summary_of(Result(configuration, (), None, None, None))
    assert summary.median_px is None
    assert summary.as_json()["pck"] == {"0.01": None, "0.02": None, "0.05": None}
    assert "-" in text_table([summary])
