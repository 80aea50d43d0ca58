"""Laws of files given as weights: errors say what a file is, and no code in it runs."""

import gzip
import io
import json
import os
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from extras import needs_xfeat
from mel_debug.builtin.extractors.checkpoints import read_checkpoint
from mel_debug.builtin.extractors.weight_files import weights_fault
from mel_debug.core.errors import WeightsError
from workbench import Dinov3Weights, Scene, extractor, run, skin

STATE = {"norm.weight": torch.ones(64), "norm.bias": torch.zeros(64)}


def saved(state: object, **how: bool) -> bytes:
    file = io.BytesIO()
    torch.save(state, file, **how)
    return file.getvalue()


def safe(folder: Path) -> bytes:
    path = folder / "made.safetensors"
    save_file(STATE, path)
    return path.read_bytes()


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"content")
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("weights.pth"))
    return file.getvalue()


def scripted() -> bytes:
    return zipped("model/data.pkl", "model/code/__torch__.py", "model/constants.pkl")


KINDS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "an HTML page": (b"\n<!DOCTYPE html>\n<html><title>Log in</title>", "HTML page"),
    "an HTML page with a mark": (b"\xef\xbb\xbf<HTML lang=en>", "HTML page"),
    "an XML error": (b"<?xml version='1.0'?><Error>AccessDenied</Error>", "XML"),
    "a Git LFS pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
        "git lfs pull",
    ),
    "a config": (json.dumps({"model_type": "dinov3_vit"}).encode(), "JSON"),
    "a text": ("Größe: 12\n".encode(), "a text"),
    "zeros": (bytes(4096), "neither a torch checkpoint"),
    "gzip": (gzip.compress(b"weights"), "gzip"),
    "a tar archive": (tarred(), "tar archive"),
    "a ZIP archive": (zipped("weights.pth"), "ZIP archive"),
    "an archive of arrays": (zipped("norm.npy"), "NumPy"),
    "TorchScript": (scripted(), "TorchScript"),
    "half a ZIP": (saved(STATE)[:700], "cut short"),
    "a JPEG": (b"\xff\xd8\xff\xe0" + bytes(99), "JPEG"),
    "a list": (saved([1, 2]), "contains a list"),
    "a whole model": (saved({"epoch": 3, "teacher": STATE}), "'epoch'"),
    "nothing": (saved({}), "nothing"),
    "half an old pickle": (
        saved(STATE, _use_new_zipfile_serialization=False)[:300],
        "damaged",
    ),
}


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors", ".bin"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_error_says_what_a_file_is_instead_of_a_complete_checkpoint(
    tmp_path: Path, kind: str, suffix: str
) -> None:
    """For any suffix; torch's advice to trust the file is left out."""
    content, word = KINDS[kind]
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        read_checkpoint(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert word in message.removeprefix(str(path))
    assert "\n" not in message
    assert "weights_only" not in message


def test_a_folder_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="is a folder"):
        read_checkpoint(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_or_a_device_is_refused_at_once(tmp_path: Path) -> None:
    """Reading a pipe would wait for a writer for ever."""
    os.mkfifo(tmp_path / "weights.pth")
    for path in (tmp_path / "weights.pth", Path("/dev/zero")):
        with pytest.raises(WeightsError, match="is a pipe or a device"):
            read_checkpoint(path)


@given(data=st.data())
def test_safetensors_cut_short_anywhere_are_recognised(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """From the first byte of the header to the last of the weights."""
    folder = tmp_path_factory.mktemp("cut")
    whole = safe(folder)
    length = data.draw(st.integers(9, len(whole) - 1))
    path = folder / "cut.pth"
    path.write_bytes(whole[:length])
    fault = weights_fault(path)
    assert fault is not None
    assert "cut short" in fault
    (folder / "whole.pth").write_bytes(whole)
    assert weights_fault(folder / "whole.pth") is None


@given(st.binary(max_size=600))
def test_any_bytes_are_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        read_checkpoint(path)
    assert "\n" not in str(caught.value)


FORMS: dict[str, Callable[[Path], bytes]] = {
    "torch": lambda _: saved(STATE),
    "old torch": lambda _: saved(STATE, _use_new_zipfile_serialization=False),
    "safetensors": safe,
    "a training checkpoint": lambda _: saved({"epoch": 3, "state_dict": STATE}),
    "of distributed training": lambda _: saved({f"module.{name}": v for name, v in STATE.items()}),
    "compiled": lambda _: saved({f"_orig_mod.{name}": v for name, v in STATE.items()}),
}


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors", ""])
@pytest.mark.parametrize("form", FORMS)
def test_a_complete_checkpoint_is_read_by_its_content(
    tmp_path: Path, form: str, suffix: str
) -> None:
    """Its suffix may be wrong."""
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(FORMS[form](tmp_path))
    state = read_checkpoint(path)
    assert state.keys() == STATE.keys()
    assert all(torch.equal(state[name], STATE[name]) for name in STATE)


class Malicious:
    """Runs code when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.trace,)


def test_a_checkpoint_with_code_is_neither_run_nor_recommended(tmp_path: Path) -> None:
    """The error says why it is refused and how to save weights without code."""
    trace = tmp_path / "trace"
    plain, packed = tmp_path / "plain.pth", tmp_path / "zipped.pth"
    plain.write_bytes(pickle.dumps({"norm.weight": Malicious(trace)}))
    packed.write_bytes(saved({"norm.weight": Malicious(trace)}))
    for path in (plain, packed):
        with pytest.raises(WeightsError, match="state_dict") as caught:
            read_checkpoint(path)
        assert "weights_only" not in str(caught.value)
    assert not trace.exists()


@pytest.mark.slow
def test_weights_of_dinov3_are_read_whatever_their_suffix(
    tmp_path: Path, dinov3_small: Dinov3Weights
) -> None:
    """Safetensors named .pth, and the other way round."""
    image = skin(48, 32)[np.newaxis]
    expected = extractor("dinov3-small", dinov3_small.safetensors).extract(image)
    for path, name in (
        (dinov3_small.safetensors, "a.pth"),
        (dinov3_small.pth, "b.safetensors"),
    ):
        (tmp_path / name).symlink_to(path)
        given = extractor("dinov3-small", tmp_path / name).extract(image)
        assert np.allclose(given, expected, rtol=1e-5, atol=1e-6)


def test_another_size_is_named(dinov3_small: Dinov3Weights) -> None:
    """With the setting that selects it."""
    with pytest.raises(WeightsError, match=r"it is DINOv3 small; try `dino_size=small`"):
        extractor("dinov3-base", dinov3_small.safetensors)


def test_a_size_in_the_layout_of_transformers_is_named(tmp_path: Path) -> None:
    """As in the layout of timm."""
    state = {
        "embeddings.cls_token": torch.zeros(1, 1, 384),
        "embeddings.register_tokens": torch.zeros(1, 4, 384),
        "embeddings.patch_embeddings.weight": torch.zeros(384, 3, 16, 16),
    }
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(WeightsError, match=r"it is DINOv3 small; try `dino_size=small`"):
        extractor("dinov3-base", tmp_path / "model.safetensors")


@pytest.mark.parametrize("name", ["dinov3-small", pytest.param("xfeat", marks=needs_xfeat)])
def test_a_checkpoint_of_another_model_is_recognised(tmp_path: Path, name: str) -> None:
    """The error has the name of one of its tensors."""
    (tmp_path / "resnet.pth").write_bytes(saved({"layer1.0.conv1.weight": torch.zeros(4, 4)}))
    with pytest.raises(WeightsError, match=r"another model \(1 tensors such as 'layer1"):
        extractor(name, tmp_path / "resnet.pth")


def test_a_missing_tensor_is_named(tmp_path: Path, dinov3_small: Dinov3Weights) -> None:
    state = load_file(dinov3_small.safetensors)
    del state["norm.weight"]
    save_file(state, tmp_path / "partial.safetensors")
    with pytest.raises(WeightsError, match=r"norm\.weight.*is the file complete"):
        extractor("dinov3-small", tmp_path / "partial.safetensors")


@pytest.mark.usefixtures("only_builtins")
def test_the_command_prints_one_line_for_wrong_weights(scene: Scene, tmp_path: Path) -> None:
    """With exit code 1, and no picture is written."""
    page = tmp_path / "dinov3.pth"
    page.write_bytes(KINDS["an HTML page"][0])
    outcome = run(
        "dino3-map", str(scene.output), str(scene.target), scene.uuid, str(scene.source),
        "--dino-size", "small", "--weights", str(page),
    )  # fmt: skip
    assert outcome.code == 1
    assert f"{page} is an HTML page" in outcome.error
    assert not scene.output.exists()
