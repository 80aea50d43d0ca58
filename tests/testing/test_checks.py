"""Checks by name: listed, run as tests of their own, declared to fail."""

import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mel_debug.builtin import plugin
from mel_debug.core.option import Option
from mel_debug.core.stages import BuildOptions, FeatureExtractor, StageSpec
from mel_debug.core.types import Pixels, Vectors
from mel_debug.plugin import WeightsError
from mel_debug.testing import (
    ConformanceCheck,
    ContractError,
    SampleExtractor,
    check_extractor,
    extractor_checks,
    matcher_checks,
    plugin_checks,
    renderer_checks,
)
from mel_debug.testing.network import NetworkError, network_refused


class OfBatch(SampleExtractor):
    """Subtracts the mean over the batch, so that a photo depends on its neighbours."""

    def extract(self, images: Pixels) -> Vectors:
        vectors = super().extract(images)
        vectors -= vectors.mean(axis=0)
        return vectors


def spec_of(build: Callable[[BuildOptions], Any], **more: Any) -> StageSpec[FeatureExtractor]:
    return StageSpec("toy", "a toy", build=build, **{"patch": 8, **more})


SOUND = spec_of(lambda _: SampleExtractor())
WRONG = spec_of(lambda _: OfBatch())


def named(checks: list[ConformanceCheck], name: str) -> ConformanceCheck:
    return next(check for check in checks if check.name == name)


@pytest.mark.parametrize("check", extractor_checks(SOUND), ids=str)
def test_each_check_is_a_test_of_its_own(check: ConformanceCheck) -> None:
    """This is how a plugin uses them."""
    check()


WITH_KNOWN_FAULT = extractor_checks(WRONG, expected_failures={"batch": "needs its neighbours"})


@pytest.mark.parametrize("check", WITH_KNOWN_FAULT, ids=str)
def test_a_known_fault_is_declared_and_the_rest_is_checked(check: ConformanceCheck) -> None:
    check()


def test_a_fault_that_is_not_declared_fails_its_check_alone() -> None:
    failed = []
    for check in extractor_checks(WRONG):
        try:
            check()
        except ContractError:
            failed.append(check.name)
    assert "batch" in failed
    assert "patch" not in failed


def test_a_declared_failure_that_passes_asks_to_remove_it() -> None:
    """Otherwise the list would never shrink."""
    check = named(extractor_checks(SOUND, expected_failures={"batch": "some day"}), "batch")
    with pytest.raises(ContractError, match=r"toy-batch passes.*some day.*expected_failures"):
        check()


def test_a_failure_declared_under_a_wrong_name_is_refused_with_the_names() -> None:
    with pytest.raises(ValueError, match=r"'bach'.*declaration, .*batch"):
        extractor_checks(SOUND, expected_failures={"bach": "a slip"})


def test_an_expected_failure_does_not_hide_an_error_of_the_build() -> None:
    """Missing weights are no conformance failure."""

    def build(_: BuildOptions) -> None:
        raise WeightsError("no weights")

    check = named(extractor_checks(spec_of(build), expected_failures={"batch": "why"}), "batch")
    with pytest.raises(WeightsError):
        check()


def test_checks_have_names_and_sentences_and_ids_that_differ() -> None:
    """Names differ within a stage; ids differ within a plugin."""
    checks = plugin_checks(plugin)
    assert len({str(check) for check in checks}) == len(checks)
    assert all(check.sentence.endswith(".") and " " not in check.name for check in checks)
    stages = {check.stage for check in checks}
    assert {"xfeat", "dinov3-base", "cosine", "geometric", "pair"} <= stages


def test_a_plugin_may_declare_a_failure_of_one_stage_only() -> None:
    checks = plugin_checks(plugin, expected_failures={"cosine-masks": "a reason"})
    declared = [str(check) for check in checks if check.expected_failure]
    assert declared == ["cosine-masks"]


def test_a_module_without_some_hooks_has_checks_of_the_others() -> None:
    class Module:
        @staticmethod
        def mel_extractors() -> list[StageSpec[FeatureExtractor]]:
            return [SOUND]

    assert {check.kind for check in plugin_checks(Module)} == {"extractor"}


def test_a_check_with_options_says_which() -> None:
    """One stage may be checked with several values."""
    option = Option("gamma", 1.0, "of colours")
    spec = spec_of(lambda _: SampleExtractor(), options=(option,))
    check, *_ = extractor_checks(spec, BuildOptions(values={"gamma": 0.5}))
    assert str(check) == "toy[gamma=0.5]-declaration"


def test_a_stage_is_built_once_for_all_checks_and_once_offline() -> None:
    """Loading a model takes seconds."""
    built: list[bool] = []

    def build(options: BuildOptions) -> FeatureExtractor:
        built.append(options.offline)
        return SampleExtractor()

    check_extractor(spec_of(build))
    assert sorted(built) == [False, True]


def patch_of(options: BuildOptions) -> FeatureExtractor:
    extractor = SampleExtractor()
    extractor.patch = options["patch"]
    return extractor


@pytest.mark.parametrize("patch", [8, 12])
def test_a_patch_that_depends_on_an_option_is_checked_with_its_value(patch: int) -> None:
    spec = spec_of(
        patch_of,
        options=(Option("patch", 8, "side of a patch", minimum=1),),
        patch=lambda values: int(values["patch"]),
    )
    check_extractor(spec, BuildOptions(values={"patch": patch}))


class NoMatch:
    """Of no use as a matcher."""


class ShortMatch:
    """Has forgotten the extractor."""

    def match(self, queries: Any, target: Any) -> list[Any]:
        return []


class UncallableMatch:
    """Has the name, for something else."""

    match = "a word"


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (NoMatch(), "and NoMatch has no match"),
        (None, "and NoneType has no match"),
        (UncallableMatch(), "has a match that cannot be called"),
        (ShortMatch(), "and ShortMatch has match(queries: Any, target: Any)"),
    ],
)
def test_an_object_of_the_wrong_kind_is_told_which_method_it_lacks(stage: Any, said: str) -> None:
    """With the signature that the protocol has, in every check that needs the stage."""
    spec: StageSpec[Any] = StageSpec("toy", "a toy", build=lambda _: stage)
    for name in ("stage", "masks"):
        with pytest.raises(ContractError) as failure:
            named(matcher_checks(spec), name)()
        message = str(failure.value)
        assert message.startswith("matcher 'toy' ")
        assert said in message
        expected = (
            "match(queries: Sequence[Query], target: FeatureMap, extractor: FeatureExtractor)"
        )
        assert f"{expected} -> list[Match]" in message


def test_a_missing_property_is_named_with_its_type() -> None:
    class NoPatch:
        mean_colour = (1, 2, 3)

        def extract(self, images: Pixels) -> Vectors:
            raise NotImplementedError

    with pytest.raises(ContractError, match=r"must have patch: int, and NoPatch has no patch"):
        named(extractor_checks(spec_of(lambda _: NoPatch())), "stage")()


def test_a_renderer_is_asked_for_render() -> None:
    spec: StageSpec[Any] = StageSpec("toy", "a toy", build=lambda _: NoMatch())
    with pytest.raises(ContractError, match=r"render\(query: Query, .*\) -> Pixels"):
        named(renderer_checks(spec), "stage")()


def test_a_build_that_would_download_offline_is_found() -> None:
    """The check refuses the connection; no packet leaves this machine."""

    def build(_: BuildOptions) -> FeatureExtractor:
        socket.create_connection(("weights.invalid", 443), timeout=0.1)
        return SampleExtractor()

    with pytest.raises(ContractError, match=r"socket.getaddrinfo\('weights.invalid', 443"):
        named(extractor_checks(spec_of(build)), "offline")()


def test_a_build_that_says_what_is_missing_offline_passes() -> None:
    """Weights that are not here and must not be fetched are a plain error."""

    def build(options: BuildOptions) -> FeatureExtractor:
        assert options.offline
        raise WeightsError("no weights; download them first")

    named(extractor_checks(spec_of(build)), "offline")()


def test_the_network_is_refused_inside_only() -> None:
    """Names, connections and datagrams; the local file system's sockets are free."""
    with network_refused() as uses, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        with pytest.raises(NetworkError):
            datagrams.sendto(b"", ("127.0.0.1", 9))
        with pytest.raises(NetworkError):
            socket.getaddrinfo("localhost", 80)
    assert len(uses) == 2
    assert socket.getaddrinfo("127.0.0.1", 80)


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this system has no such sockets")
def test_sockets_of_the_file_system_are_not_the_network() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX) as server,
        socket.socket(socket.AF_UNIX) as client,
        network_refused() as uses,
    ):
        place = str(Path(folder) / "s")
        server.bind(place)
        server.listen()
        client.connect(place)
    assert uses == []


@pytest.mark.slow
def test_the_kit_imports_no_test_framework() -> None:
    """It runs under any, or none."""
    script = (
        "import sys; from mel_debug.testing import plugin_checks; from mel_debug.builtin import "
        "plugin; plugin_checks(plugin); print({'pytest', 'hypothesis', 'torch'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
