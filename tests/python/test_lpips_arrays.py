"""`limen.lpips` of arrays of any kind, dtype, range and order, and all pairs of a set."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import limen
import limen.torch
from images import dtype_of
from limen import _lpips
from lpips_peers import backbone, peer
from photographs import COLOUR, crop, distorted
from torch_images import torch

X = np.stack([np.rint(255 * crop(name, 64, 70)) for name in COLOUR]).astype(np.uint8)
Y = np.stack([np.rint(255 * distorted(image / 255)) for image in X]).astype(np.uint8)


def lpips(x: Any = X, y: Any = Y, **options: Any) -> Any:
    return limen.lpips(x, y, **{"backbone": backbone("alex"), **options})


def expected() -> Any:
    x, y = (torch.tensor(image / 127.5 - 1, dtype=torch.float32) for image in (X, Y))
    return peer("alex")(x, y).detach().flatten().numpy()


def test_uint8_has_its_full_range() -> None:
    scores = lpips()
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, expected(), rtol=1e-4)
    np.testing.assert_allclose(lpips(value_range=(0, 255)), scores, rtol=1e-6)
    score = lpips(X[0], Y[0])
    assert isinstance(score, float)
    assert score == pytest.approx(scores[0], rel=1e-5)


@pytest.mark.parametrize("dtype", ["uint16", "float16", "bfloat16", "float32", "float64"])
def test_dtypes(dtype: str) -> None:
    # What a bfloat16 can't hold is lost before it comes here: images of few bits.
    x, y = (image // 32 * 32 for image in (X, Y))
    wanted = lpips(x, y)
    top = 65535 if dtype == "uint16" else 1
    a, b = ((image.astype(np.float64) / 255 * top).astype(dtype_of(dtype)) for image in (x, y))
    options = {} if dtype == "uint16" else {"value_range": (0, 1)}
    tolerance = 0.05 if dtype == "bfloat16" else 2e-3
    np.testing.assert_allclose(lpips(a, b, **options), wanted, rtol=tolerance)


def test_ranges() -> None:
    x, y = X / 255, Y / 255
    for low, high in ((-1, 1), (0, 1), (-3, 17), (0, 255)):
        scaled = (low + (high - low) * image for image in (x, y))
        np.testing.assert_allclose(lpips(*scaled, value_range=(low, high)), expected(), rtol=1e-3)


@pytest.mark.parametrize("kind", ["last", "reversed", "read-only", "transposed", "list of axes"])
def test_memory_orders(kind: str) -> None:
    x, y, options = X, Y, {}
    if kind == "last":
        x, y = (np.ascontiguousarray(np.moveaxis(image, 1, -1)) for image in (X, Y))
        options = {"channel_axis": -1}
    elif kind == "reversed":
        x, y = (np.ascontiguousarray(image[..., ::-1])[..., ::-1] for image in (X, Y))
    elif kind == "read-only":
        x, y = X.copy(), Y.copy()
        x.flags.writeable = y.flags.writeable = False
    elif kind == "transposed":
        x, y = (np.ascontiguousarray(image.T).T for image in (X, Y))
    else:
        x, y = X[None], Y[None]
    scores = lpips(x, y, **options)
    np.testing.assert_allclose(scores.reshape(-1), expected(), rtol=1e-4)
    assert scores.shape == ((1, 3) if kind == "list of axes" else (3,))


def test_jax() -> None:
    jnp = pytest.importorskip("jax.numpy")
    scores = lpips(jnp.asarray(X), jnp.asarray(Y))
    assert type(scores).__module__.startswith("jax")
    np.testing.assert_allclose(np.asarray(scores), expected(), rtol=1e-4)


def test_tensors_carry_gradients() -> None:
    x, y = (torch.tensor(image / 127.5 - 1, dtype=torch.float32, requires_grad=True) for image in (X, Y))
    scores = lpips(x, y)
    np.testing.assert_allclose(scores.detach().numpy(), expected(), rtol=1e-4)
    scores.sum().backward()
    assert x.grad is not None
    assert x.grad.abs().max() > 0
    assert y.grad is not None


def test_what_comes_back() -> None:
    score, layers = lpips(return_layers=True)
    assert layers.shape == (3, 5)
    np.testing.assert_allclose(layers.sum(-1), score, rtol=1e-6)
    maps, of_layers = lpips(spatial=True, return_layers=True)
    assert maps.shape == (3, 1, 64, 70)
    assert maps.dtype == np.float32
    assert of_layers.shape == (3, 5, 64, 70)
    assert lpips(X[0], Y[0], spatial=True).shape == (1, 64, 70)
    assert lpips(reduction="mean") == pytest.approx(score.mean(), rel=1e-6)
    assert lpips(linear=None) == pytest.approx(
        limen.torch.LPIPS(backbone=backbone("alex"), linear=None).of_arrays(X, Y)
    )


FLOATS = np.zeros((1, 3, 64, 64), np.float32)


@pytest.mark.parametrize(
    ("x", "options", "error", "message"),
    [
        (FLOATS[0, 0], {}, ValueError, r"x must have three channels.*got shape \(64, 64\)"),
        (FLOATS[:, :1], {}, ValueError, r"x must have three channels.*got shape \(1, 1, 64, 64\).*repeated three times"),
        (np.zeros((64, 64, 4), np.uint8), {"channel_axis": -1}, ValueError, r"three channels.*\(64, 64, 4\).*alpha"),
        (np.zeros((64, 64, 3), np.uint8), {}, ValueError, r"three channels.*\(64, 64, 3\)"),
        (FLOATS, {"channel_axis": None}, ValueError, "three channels.*channel_axis=None"),
        (FLOATS[:0], {}, ValueError, r"must not be empty; got shape \(0, 3, 64, 64\)"),
        (FLOATS[..., :30], {}, ValueError, r"at least 31 x 31 pixels; got 64 x 30"),
        (FLOATS + 255, {}, ValueError, r"x has values from 255 to 255, outside value_range=\(-1, 1\)"),
        (FLOATS + 1.1, {"value_range": (0, 1)}, ValueError, "check_range=False"),
        (FLOATS - 0.1, {"value_range": (0, 1)}, ValueError, "values from -0.1 to -0.1"),
        (np.full((3, 64, 64), 2, np.uint8), {"value_range": (0, 1)}, ValueError, "values from 2 to 2"),
        (FLOATS + np.inf, {}, ValueError, "values from inf to inf"),
        (FLOATS.astype(np.int32), {}, TypeError, "dtype"),
        (FLOATS.astype(np.complex64), {}, TypeError, "dtype"),
        (FLOATS > 0, {}, TypeError, "dtype"),
        ("photograph.png", {}, TypeError, "x must be an array"),
        (FLOATS, {"reduction": "sum"}, ValueError, "reduction must be"),
        (FLOATS, {"engine": "tensorflow"}, ValueError, "engine must be 'auto', 'torch' or 'onnx'"),
        (FLOATS, {"net": "vgg19"}, ValueError, "net must be one of alex, vgg, squeeze"),
    ],
    ids=str,
)  # fmt: skip
def test_bad_images(x: Any, options: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        lpips(x, x, **options)


def test_pairs_that_disagree() -> None:
    with pytest.raises(ValueError, match="shape"):
        lpips(X, Y[:2])
    with pytest.raises(TypeError, match="dtype"):
        lpips(X, Y.astype(np.float32))
    with pytest.raises(TypeError, match="same kind"):
        lpips(torch.tensor(X), Y)
    for x, y in (([1.0], torch.tensor(Y)), (torch.tensor(X), [1.0]), (None, torch.tensor(Y))):
        with pytest.raises(TypeError, match="x and y must be arrays of the same kind"):
            lpips(x, y)
    with pytest.raises(TypeError, match="must be a tensor"):
        limen.torch.LPIPS(backbone="random").features(X)
    with pytest.raises(ValueError, match="x is on meta and the metric on cpu"):
        limen.torch.LPIPS(backbone="random")(*(torch.zeros(3, 64, 64, device="meta") for _ in range(2)))


def test_values_outside_when_told() -> None:
    x = FLOATS + 1.5
    assert lpips(x, x, check_range=False) == 0
    slightly = FLOATS + 1.0005  # what resizing may leave behind
    assert lpips(slightly, slightly) == 0
    assert np.isnan(lpips(FLOATS * np.nan, FLOATS))
    assert lpips(FLOATS + 3, FLOATS + 3, value_range=np.array([0, 4])) == 0


def test_matrix() -> None:
    matrix = limen.lpips_matrix(X, backbone=backbone("alex"))
    assert matrix.dtype == np.float64
    for i in range(3):
        for j in range(3):
            assert matrix[i, j] == pytest.approx(0 if i == j else lpips(X[i], X[j]), rel=1e-4)
    assert (matrix == matrix.T).all()
    for images in (list(X), tuple(torch.tensor(X)), torch.tensor(X), np.moveaxis(X, 1, -1)):
        options = {"channel_axis": -1} if getattr(images, "shape", (0,))[-1] == 3 else {}
        again = limen.lpips_matrix(images, backbone=backbone("alex"), **options)
        np.testing.assert_allclose(np.asarray(again), matrix, rtol=1e-5)
    assert limen.lpips_matrix(X[:1], backbone=backbone("alex")).tolist() == [[0]]
    metric = limen.torch.LPIPS(backbone=backbone("alex"), spatial=True, reduction="mean")
    np.testing.assert_allclose(metric.matrix(torch.tensor(X)).numpy(), matrix, rtol=1e-5)


def test_matrix_in_several_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.concatenate((X, Y))
    whole = limen.lpips_matrix(images, backbone=backbone("squeeze"), net="squeeze")
    monkeypatch.setattr("limen.torch._lpips_matrix._BATCH", 4 * X[0].size)
    np.testing.assert_allclose(
        limen.lpips_matrix(images, backbone=backbone("squeeze"), net="squeeze"), whole, rtol=1e-5
    )


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        ([], ValueError, "at least one image"),
        ([X[0], X[1, :, 1:]], ValueError, r"one shape and dtype; got \(3, 64, 70\) uint8 and \(3, 63, 70\) uint8"),
        ([X[0], X[1].astype(np.float32)], ValueError, "one shape and dtype"),
        (["a.png"], ValueError, "images must be arrays"),
        (X[0], ValueError, r"four axes, as in \(N, 3, H, W\)"),
        (X[:, :1], ValueError, "three channels"),
    ],
    ids=["none", "sizes", "dtypes", "names", "one", "grey"],
)
def test_bad_sets(images: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        limen.lpips_matrix(images, backbone=backbone("alex"))


def test_models_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lpips, "_models", {})
    file = tmp_path / "squeeze.pth"
    torch.save(backbone("squeeze"), file)
    options = {"net": "squeeze", "backbone": str(file), "linear": None}
    scores = lpips(**options)
    (kept,) = _lpips._models.values()
    assert (lpips(**options) == scores).all()
    assert list(_lpips._models.values()) == [kept]
    torch.save({key: value + 0.1 if "12" in key else value for key, value in backbone("squeeze").items()}, file)
    assert not (lpips(**options) == scores).all()
    for i in range(12):
        lpips(X[0], Y[0], net="squeeze", backbone="random", linear=None, value_range=(0, 255 + i))
    assert len(_lpips._models) == _lpips._KEPT
    lpips()
    assert len(_lpips._models) == _lpips._KEPT


def test_random_weights_stay_the_same() -> None:
    first = lpips(backbone="random", linear=None)
    assert (lpips(backbone="random", linear=None) == first).all()


def test_threads_share_random_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lpips, "_models", {})
    start = threading.Barrier(4)

    def score(_: int) -> Any:
        start.wait()
        return lpips(X[0], Y[0], net="squeeze", backbone="random", linear=None)

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(score, range(4)))) == 1
