"""LPIPS by ONNX Runtime, which gives PyTorch's numbers and needs no PyTorch."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import limen
import limen.torch
from limen._backbones import BACKBONES
from limen._downloads import sha256_of
from limen._lpips import lpips_model
from limen._weights import BACKBONE_FILES, onnx_file_name
from lpips_peers import backbone, needs_linear
from photographs import COLOUR, crop, distorted
from torch_images import torch

pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")

X = np.stack([np.rint(255 * crop(name, 73, 66)) for name in COLOUR[:2]]).astype(np.uint8)
Y = np.stack([np.rint(255 * distorted(image / 255)) for image in X]).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Exported backbones, those of the peers, which are taken for the published ones."""
    from limen.torch._lpips_export import export

    folder, source = tmp_path_factory.mktemp("weights"), tmp_path_factory.mktemp("source")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIMEN_WEIGHTS", str(source))
        for net in ("alex", "vgg", "squeeze"):
            needs_linear(net)
            file = BACKBONE_FILES[net]
            torch.save(backbone(net), source / file.name)
            patch.setitem(BACKBONE_FILES, net, dataclasses.replace(file, sha256=sha256_of(source / file.name)))
            export(net, folder / onnx_file_name(net))
        assert sorted(path.suffix for path in folder.iterdir()) == [".onnx"] * 3
        yield folder


@pytest.fixture(autouse=True)
def weights(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMEN_WEIGHTS", str(folder))


@pytest.mark.parametrize("linear", ["v0.1", "v0.0", None])
@pytest.mark.parametrize("net", ["alex", "vgg", "squeeze"])
def test_same_numbers(net: str, linear: str | None) -> None:
    options = {"net": net, "linear": linear}
    metric = limen.torch.LPIPS(backbone=backbone(net), return_layers=True, **options)
    score, layers = limen.lpips(X, Y, engine="onnx", return_layers=True, **options)
    expected, of_layers = metric.of_arrays(X, Y)
    np.testing.assert_allclose(score, expected, rtol=1e-4)
    np.testing.assert_allclose(layers, of_layers, rtol=1e-4)
    assert score.dtype == np.float64
    maps = limen.lpips(X, Y, engine="onnx", spatial=True, **options)
    wanted = limen.torch.LPIPS(backbone=backbone(net), spatial=True, **options).of_arrays(X, Y)
    np.testing.assert_allclose(maps, wanted, rtol=1e-3, atol=1e-5)
    assert maps.dtype == wanted.dtype


def test_shapes_ranges_and_reductions() -> None:
    metric = limen.torch.LPIPS(backbone=backbone("alex"), value_range=(0, 1), channel_axis=-1)
    x, y = (np.moveaxis(image, 1, -1) / np.float32(255) for image in (X, Y))
    options: dict[str, Any] = {"engine": "onnx", "value_range": (0, 1), "channel_axis": -1}
    scores = limen.lpips(x, y, **options)
    np.testing.assert_allclose(scores, metric.of_arrays(x, y), rtol=1e-4)
    one = limen.lpips(x[0], y[0], **options)
    assert isinstance(one, float)
    assert one == pytest.approx(scores[0], rel=1e-5)
    assert limen.lpips(x, y, reduction="mean", **options) == pytest.approx(scores.mean(), rel=1e-6)
    assert limen.lpips(x[0], y[0], spatial=True, **options).shape == (1, 73, 66)
    matrix = limen.lpips_matrix(np.concatenate((X, Y)), engine="onnx")
    np.testing.assert_allclose(matrix, limen.lpips_matrix(np.concatenate((X, Y)), backbone=backbone("alex")), rtol=1e-4)


def test_in_several_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = limen.lpips(X, Y, engine="onnx")
    monkeypatch.setattr("limen._lpips_onnx._BATCH", 1)
    np.testing.assert_allclose(limen.lpips(X, Y, engine="onnx"), expected, rtol=1e-5)


def test_smallest_images() -> None:
    for net in ("alex", "vgg", "squeeze"):
        side = BACKBONES[net].min_side
        x, y = X[..., :side, :side], Y[..., :side, :side]
        metric = limen.torch.LPIPS(net, backbone=backbone(net))
        np.testing.assert_allclose(limen.lpips(x, y, net=net, engine="onnx"), metric.of_arrays(x, y), rtol=1e-4)
        with pytest.raises(ValueError, match=f"at least {side} x {side}"):
            limen.lpips(x[..., 1:], y[..., 1:], net=net, engine="onnx")


def test_caffe_network(tmp_path: Path) -> None:
    from limen.torch._lpips_export import export

    torch.manual_seed(0)
    metric = limen.torch.LPIPS("caffe-alex", backbone="random", linear=None)
    path = tmp_path / "caffe.onnx"
    export("caffe-alex", path, metric.backbone.state_dict())
    scores = limen.lpips(X, Y, net="caffe-alex", backbone=path, linear=None)
    np.testing.assert_allclose(scores, metric.of_arrays(X, Y), rtol=1e-4)
    with pytest.raises(ValueError, match=r"linear must be None or exported beside the backbone \(nothing\)"):
        limen.lpips(X, Y, net="caffe-alex", backbone=path)
    mean = np.broadcast_to(np.array([122.679, 116.669, 104.007], np.float32)[:, None, None], (3, 64, 64))
    own = lpips_model(net="caffe-alex", backbone=path, linear=None, value_range=(0, 255))
    np.testing.assert_allclose(own._prepare("x", mean)[0], 0, atol=1e-4)


def test_provenance_is_the_same(folder: Path) -> None:
    file = str(folder / onnx_file_name("squeeze"))
    for linear in ("v0.1", "v0.0", None):
        own = lpips_model(net="squeeze", backbone=file, linear=linear).provenance()
        expected = limen.torch.LPIPS("squeeze", backbone=backbone("squeeze"), linear=linear).provenance()
        assert own.pop("backbone") == file
        assert expected.pop("backbone") == "state dict"
        assert own == expected
    assert lpips_model(net="squeeze", engine="onnx").provenance()["backbone"] == "pretrained"


def test_another_backbone_is_not_taken_for_the_pretrained_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from limen.torch._lpips_export import export

    path = tmp_path / onnx_file_name("squeeze")
    monkeypatch.setenv("LIMEN_WEIGHTS", str(tmp_path))
    for source in ("random", backbone("squeeze")):
        export("squeeze", path, source)
        with pytest.raises(ValueError, match=r"doesn't hold the pretrained backbone of net 'squeeze'.*takes what the"):
            limen.lpips(X, Y, net="squeeze", engine="onnx")
    expected = limen.torch.LPIPS("squeeze", backbone=backbone("squeeze")).of_arrays(X, Y)
    np.testing.assert_allclose(limen.lpips(X, Y, net="squeeze", backbone=path), expected, rtol=1e-4)


def test_a_default_file_that_is_written_anew(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = onnx_file_name("squeeze")
    whole = onnx.load(folder / name)
    monkeypatch.setenv("LIMEN_WEIGHTS", str(tmp_path))
    scores = []
    for _ in range(2):
        onnx.save(whole, tmp_path / name)
        scores.append(limen.lpips(X, Y, net="squeeze", engine="onnx"))
        weight = whole.graph.initializer[0]
        weight.raw_data = (-np.frombuffer(weight.raw_data, np.float32)).tobytes()
    assert (scores[0] != scores[1]).all()


def test_without_pytorch(folder: Path) -> None:
    script = (
        "import sys; sys.modules['torch'] = None; import numpy, limen; "
        "x, file = numpy.zeros((3, 40, 40), 'uint8'), {'backbone': sys.argv[1]}; "
        "print(limen.lpips(x, 255 - x, **file), limen.lpips_matrix([x, x], **file).tolist())"
    )
    command = [sys.executable, "-c", script, os.fspath(folder / onnx_file_name("alex"))]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    score, matrix = done.stdout.split(" ", 1)
    black = np.zeros((3, 40, 40), np.uint8)
    expected = limen.torch.LPIPS(backbone=backbone("alex")).of_arrays(black, 255 - black)
    assert float(score) == pytest.approx(expected, rel=1e-4)
    assert matrix == "[[0.0, 0.0], [0.0, 0.0]]\n"


def test_with_neither() -> None:
    script = (
        "import sys; sys.modules['torch'] = sys.modules['onnxruntime'] = None; import numpy, limen; "
        "limen.lpips(numpy.zeros((3, 40, 40), 'uint8'), numpy.zeros((3, 40, 40), 'uint8'))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=False)
    assert "pip install 'limen[torch]' or 'limen[onnx]'" in done.stderr.splitlines()[-1]


def test_files_that_will_not_do(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = (folder / onnx_file_name("alex")).read_bytes()
    broken = tmp_path / "broken.onnx"
    for content in (b"", b"text", whole[: len(whole) // 2]):
        broken.write_bytes(content)
        with pytest.raises(ValueError, match=r"broken\.onnx can't be read as an ONNX model|limen didn't export"):
            limen.lpips(X, Y, backbone=broken)
    unmarked = onnx.load(folder / onnx_file_name("alex"))
    kept = [entry for entry in unmarked.metadata_props if entry.key != "limen.backbone"]
    del unmarked.metadata_props[:]
    unmarked.metadata_props.extend(kept)
    onnx.save(unmarked, broken)
    with pytest.raises(ValueError, match=r"broken\.onnx holds a model that limen didn't export, not net 'alex'"):
        limen.lpips(X, Y, backbone=broken)
    with pytest.raises(ValueError, match="holds net 'alex', not net 'vgg'"):
        limen.lpips(X, Y, net="vgg", backbone=folder / onnx_file_name("alex"))
    with pytest.raises(FileNotFoundError, match=r"no file nowhere\.onnx: `limen weights export --net alex`"):
        limen.lpips(X, Y, backbone="nowhere.onnx")
    monkeypatch.setenv("LIMEN_WEIGHTS", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"no limen-lpips-squeeze\.onnx.*`limen weights export --net squeeze`"):
        limen.lpips(X, Y, net="squeeze", engine="onnx")
    with pytest.raises(TypeError, match=r"'pretrained' or an \.onnx file for ONNX Runtime; got dict"):
        limen.lpips(X, Y, backbone={}, engine="onnx")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"dtype": "bfloat16"}, ValueError, "engine='onnx' computes in float32"),
        ({"linear": "v0.2"}, ValueError, r"exported beside the backbone \(v0.0, v0.1\).*got 'v0.2'"),
        ({"value_range": (1, 1)}, ValueError, "value_range must be finite and rising"),
        ({"reduction": "sum"}, ValueError, "reduction must be"),
    ],
    ids=str,
)
def test_options_that_will_not_do(options: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        limen.lpips(X, Y, engine="onnx", **options)


def test_images_that_will_not_do() -> None:
    with pytest.raises(ValueError, match="three channels"):
        limen.lpips(X[:, :1], Y[:, :1], engine="onnx")
    with pytest.raises(ValueError, match="same shape"):
        limen.lpips(X, Y[..., 1:], engine="onnx")
    with pytest.raises(ValueError, match=r"y has values from .*outside value_range=\(-1, 1\)"):
        limen.lpips(X * np.float32(0), Y * np.float32(1), engine="onnx")
    with pytest.raises(ValueError, match="tensors are not for engine='onnx'"):
        limen.lpips(torch.tensor(X), torch.tensor(Y), engine="onnx")
    with pytest.raises(TypeError, match="dtype"):
        limen.lpips(X.astype(np.int32), X.astype(np.int32), engine="onnx")
    assert np.isnan(limen.lpips(X[0] * np.float32(np.nan), X[0] * np.float32(0), engine="onnx"))
