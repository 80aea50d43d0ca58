"""Extractors by names with a prefix, and options in brackets."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.cli.completion import installed
from mel_debug.core.errors import PluginError, UsageError
from mel_debug.core.option import Option
from mel_debug.core.resolver import ExtractorResolver, split_prefix
from mel_debug.core.stages import FeatureExtractor, StageSpec
from mel_debug.plugin import hookimpl
from mel_debug.plugins.config import RunConfig, resolve
from mel_debug.plugins.loading import Plugin, _contents
from mel_debug.plugins.registry import build_registry, load_registry
from mel_debug.plugins.resolving import split_options
from mel_debug.testing import ContractError, plugin_checks, resolver_checks
from workbench import PatchColours, run, run_python


def spec(patch: int) -> StageSpec[FeatureExtractor]:
    """Colours of patches of a size."""
    return StageSpec(
        f"colours:{patch}",
        "colours",
        build=lambda _: PatchColours(patch),
        options=(Option("gain", 1.0, "factor"),),
        patch=patch,
        image_size=8 * patch,
    )


def find(name: str) -> StageSpec[FeatureExtractor] | None:
    """The spec of `8`, or of `8px`."""
    digits = name.removesuffix("px")
    return spec(int(digits)) if digits.isdecimal() and 0 < int(digits) < 100 else None


def _broken(name: str) -> StageSpec[FeatureExtractor] | None:
    """Fails for a name that does not exist, instead of returning None."""
    if "no" in name:
        raise ZeroDivisionError
    return find(name)


def names() -> Sequence[str]:
    return ["8", "16", "32"]


COLOURS = ExtractorResolver("colours", "colours of patches", find, ("8", "16"), names)


def plugin(*resolvers: ExtractorResolver) -> Plugin:
    return Plugin("toy", "1", {}, [], [], list(resolvers))


def test_a_name_with_a_prefix_is_resolved_and_has_its_plugin() -> None:
    """Other spellings give the same spec."""
    registry = build_registry([plugin(COLOURS)])
    assert registry.extractor("colours:8").patch == 8
    assert registry.extractor("colours:8px").name == "colours:8"
    assert registry.plugin_of("extractors", "colours:8px") == "toy"


def test_a_wrong_name_lists_near_ones_and_a_wrong_prefix_all() -> None:
    """Each in one line."""
    registry = build_registry([plugin(COLOURS)])
    with pytest.raises(UsageError, match=r"'colours:3'; try one of: colours:32"):
        build_registry(
            [plugin(ExtractorResolver("colours", "", lambda _: None, (), names))]
        ).extractor("colours:3")
    with pytest.raises(UsageError, match=r"no plugin resolves the prefix 'other'.*colours:"):
        registry.extractor("other:8")
    with pytest.raises(UsageError, match="no extractor named 'colours'"):
        registry.extractor("colours")


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (lambda _: 1 / 0, "ZeroDivisionError"),
        (lambda _: 3, "expected a StageSpec"),
        (lambda _: StageSpec("8", "", build=lambda _: PatchColours()), "starts with broken:"),
    ],
)
def test_a_resolver_that_fails_is_named(found: object, reason: str) -> None:
    """With its plugin."""
    broken = ExtractorResolver("broken", "", found)  # type: ignore[arg-type]
    with pytest.raises(PluginError, match=rf"plugin 'toy' .*{reason}"):
        build_registry([plugin(broken)]).extractor("broken:8")


def test_a_prefix_belongs_to_one_plugin() -> None:
    """The second one is skipped as a whole."""
    registry = build_registry([plugin(COLOURS), plugin(COLOURS)])
    assert len(registry.plugins) == 1
    assert "prefix 'colours'" in registry.skipped[0].reason


def test_a_hook_must_return_resolvers() -> None:
    """Like those of stages."""

    class Module:
        @hookimpl
        def mel_extractor_resolvers(self) -> list[int]:
            return [1]

    with pytest.raises(PluginError, match="mel_extractor_resolvers must return ExtractorResolver"):
        _contents("toy", "1", Module())


@pytest.mark.parametrize("prefix", ["", "a b", "a:", "-a", "a/b"])
def test_a_prefix_is_one_word(prefix: str) -> None:
    """Or the name could not be split."""
    with pytest.raises(ValueError, match="prefix is one word"):
        ExtractorResolver(prefix, "", find)


def test_names_without_a_prefix_are_not_split() -> None:
    """Nor are paths with a colon behind a slash."""
    assert split_prefix("xfeat") is None
    assert split_prefix("a/b:c") is None
    assert split_prefix("timm:a.b") == ("timm", "a.b")


_words = st.text("abcdefgh_", min_size=1, max_size=6)


@pytest.mark.slow
@given(
    _words,
    st.dictionaries(_words, st.lists(st.text("01-.", min_size=1), min_size=1).map(",".join)),
)
def test_options_in_brackets_come_back(name: str, options: dict[str, str]) -> None:
    """Also values with commas."""
    inside = ",".join(f"{option}={value}" for option, value in options.items())
    text = f"{name}[{inside}]" if options else name
    assert split_options(text) == (name, options)


@pytest.mark.parametrize("text", ["a[]", "a[b", "a[b]", "a[=1]", "a[b=1,b=2]"])
def test_wrong_brackets_are_a_usage_error(text: str) -> None:
    """With an example, or the option that is twice."""
    with pytest.raises(UsageError, match=r"layer=-3|twice"):
        split_options(text)


def test_options_in_the_name_are_those_of_the_extractor() -> None:
    """They may be layers with commas; a value that is given twice is refused."""
    name = "timm:vit_small_patch16_dinov3"
    run_of = resolve(RunConfig(extractor=f"{name}[layer=-1,-3,norm=no]", no_cache=True))
    assert run_of.extractor.name == "timm:vit_small_patch16_dinov3.lvd1689m"
    assert run_of.values["extractor"]["layer"] == "-1,-3"
    assert run_of.values["extractor"]["norm"] is False
    with pytest.raises(UsageError, match="'layer' is given twice"):
        resolve(RunConfig(extractor=f"{name}[layer=-3]", stage_options={"layer": "-1"}))
    with pytest.raises(UsageError, match="weights of its own"):
        resolve(RunConfig(extractor=f"{name}[weights=a]", weights=Path("b")))


def test_weights_in_the_name_are_absolute_for_other_processes() -> None:
    """They may run in another folder."""
    config = RunConfig(extractor="timm:vit_small_patch16_dinov3[weights=w.pth,layer=-2]")
    portable = config.portable()
    assert portable.weights == Path("w.pth").absolute()
    assert portable.extractor == "timm:vit_small_patch16_dinov3"
    assert resolve(portable).values["extractor"]["layer"] == "-2"


def test_the_patch_and_the_default_size_follow_the_layer() -> None:
    """A wrong size is refused before weights are loaded."""
    name = "timm:convnext_tiny.dinov3_lvd1689m"
    with pytest.raises(UsageError, match="48 is not a multiple of the 32 px patch"):
        resolve(RunConfig(extractor=name, image_size=48))
    resolve(RunConfig(extractor=f"{name}[layer=-2]", image_size=48))


def test_the_listing_shows_prefixes_and_their_options() -> None:
    """As text and as JSON."""
    text = run("plugins").stdout
    assert "timm:NAME" in text
    assert "timm:vit_small_patch16_dinov3.lvd1689m" in text
    item = run("plugins", "--json").report["resolvers"][0]
    assert item["name"] == "timm:NAME"
    assert "layer" in [option["name"] for option in item["options"]]


def test_completion_offers_the_names_of_dinov3() -> None:
    """Without importing timm."""
    complete = installed("extractors")
    context = click.Context(click.Command("x"))
    offered = complete(context, click.Option(["-x"]), "timm:convnext")
    assert [item.value for item in offered] == [
        f"timm:convnext_{size}.dinov3_lvd1689m" for size in ("tiny", "small", "base", "large")
    ]


@pytest.mark.slow
def test_dinov3_is_resolved_without_importing_timm() -> None:
    """Importing it takes seconds."""
    code = (
        "import sys; from mel_debug.plugins.registry import load_registry; "
        "print(load_registry().extractor('timm:vit_small_patch16_dinov3').name, "
        "{'timm', 'torch', 'cv2'} & set(sys.modules))"
    )
    assert run_python("-c", code).stdout.split() == [
        "timm:vit_small_patch16_dinov3.lvd1689m",
        "set()",
    ]


def test_the_built_in_resolver_is_registered_like_those_of_others() -> None:
    """Through the same hook."""
    assert load_registry().resolvers["timm"].plugin.name == "mel-debug"


def test_a_resolver_passes_its_conformance_checks() -> None:
    """And they are part of those of a plugin."""
    module = SimpleNamespace(mel_extractor_resolvers=lambda: [COLOURS])
    listed = plugin_checks(module)
    assert {str(check) for check in resolver_checks(COLOURS)} <= {str(check) for check in listed}
    for check in listed:
        check()


@pytest.mark.parametrize(
    ("broken", "name"),
    [
        (ExtractorResolver("colours", "", find), "examples"),
        (ExtractorResolver("colours", "", find, ("x",)), "examples"),
        (ExtractorResolver("other", "", find, ("8",)), "own-name"),
        (ExtractorResolver("colours", "", lambda _: spec(8), ("8",)), "unknown-name"),
        (ExtractorResolver("colours", "", _broken, ("8",)), "unknown-name"),
    ],
)
def test_a_broken_resolver_fails_the_check_of_its_rule(
    broken: ExtractorResolver, name: str
) -> None:
    """By name."""
    (check,) = [check for check in resolver_checks(broken) if check.name == name]
    with pytest.raises(ContractError):
        check()
