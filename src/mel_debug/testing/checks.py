"""Named conformance checks: each can be listed, run alone, and declared an expected failure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from mel_debug.core.option import OptionValue
from mel_debug.core.stages import BuildOptions, StageSpec
from mel_debug.testing.laws import ContractError, naming, require_stage

Stage = TypeVar("Stage")


class Subject(Generic[Stage]):
    """A stage to check. It is built by the first check that needs it, and shared by the others."""

    def __init__(
        self,
        kind: str,
        protocol: type,
        spec: StageSpec[Stage],
        options: BuildOptions | None,
    ) -> None:
        self.kind = kind
        self.protocol = protocol
        self.spec = spec
        self.options = options or BuildOptions()
        self._stage: Stage | None = None

    @property
    def values(self) -> dict[str, OptionValue]:
        """All option values that the stage is built with."""
        return self.spec.values(self.options.values)

    @property
    def stage(self) -> Stage:
        """The built stage, which has all methods. Raises what `build` raises, or ContractError."""
        if self._stage is None:
            stage = self.spec.create(self.options)
            require_stage(self.kind, self.protocol, stage)
            self._stage = stage
        return self._stage

    @property
    def label(self) -> str:
        """The name of the stage, with the option values that the author chose."""
        given = ",".join(f"{name}={value}" for name, value in self.options.values.items())
        return f"{self.spec.name}[{given}]" if given else self.spec.name


@dataclass(frozen=True, slots=True)
class Rule(Generic[Stage]):
    """A check of any stage of one kind: its name, what it requires, and the function that checks.

    The function raises ContractError.
    """

    name: str
    sentence: str
    require: Callable[[Subject[Stage]], None]


@dataclass(frozen=True, slots=True, eq=False)
class ConformanceCheck:
    """One check of one stage; call it to run it.

    `name` says what is checked, such as `batch`, and `sentence` what is required. `str(check)` is
    `STAGE-NAME`, for use as the id of a test. `expected_failure` is the reason why the stage is
    known not to pass, or None.
    """

    name: str
    sentence: str
    kind: str
    stage: str
    run: Callable[[], None]
    expected_failure: str | None = None

    def __call__(self) -> None:
        """Run the check. Raises ContractError if the stage does not pass.

        A stage that is expected to fail must fail: the error asks to remove the declaration. Raises
        what `build` raises: weights that are missing are not a failure of the check.
        """
        try:
            self.run()
        except ContractError:
            if self.expected_failure is None:
                raise
        else:
            if self.expected_failure is not None:
                raise ContractError(
                    f"{self} passes, but is declared to fail ({self.expected_failure}); "
                    f"remove it from expected_failures"
                )

    def __str__(self) -> str:
        return f"{self.stage}-{self.name}"


def checks_of(
    subject: Subject[Stage], rules: Sequence[Rule[Stage]], expected_failures: Mapping[str, str]
) -> list[ConformanceCheck]:
    """The checks of one stage by all rules of its kind."""

    def run(rule: Rule[Stage]) -> Callable[[], None]:
        def check() -> None:
            with naming(subject.kind, subject.spec.name):
                rule.require(subject)

        return check

    checks = [
        ConformanceCheck(rule.name, rule.sentence, subject.kind, subject.label, run(rule))
        for rule in rules
    ]
    return with_expected_failures(checks, expected_failures)


def with_expected_failures(
    checks: Sequence[ConformanceCheck], expected_failures: Mapping[str, str]
) -> list[ConformanceCheck]:
    """The same checks, those named in `expected_failures` declared with their reasons.

    A key is the name of a check, or `STAGE-NAME` for a single stage. Raises ValueError for a key
    that names no check.
    """
    known = {key for check in checks for key in (check.name, str(check))}
    unknown = [key for key in expected_failures if key not in known]
    if unknown:
        names = ", ".join(dict.fromkeys(check.name for check in checks))
        raise ValueError(f"no check is named {unknown[0]!r}; the names are: {names}")
    reasons: dict[str, Any] = dict(expected_failures)
    return [
        replace(check, expected_failure=reasons.get(str(check), reasons.get(check.name)))
        for check in checks
    ]


def run_all(checks: Sequence[ConformanceCheck]) -> None:
    """Run checks until one fails. Raises ContractError."""
    for check in checks:
        check()
