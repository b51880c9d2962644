"""Where the weights of LPIPS come from, and what isn't taken for weights."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import pickle
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import limen.torch
from limen import _weights
from limen._backbones import BACKBONES
from limen._weights import BACKBONE_FILES, LINEAR_FILES
from torch_images import torch

IMAGE = 2 * torch.rand(1, 3, 64, 64) - 1


def numbers(net: str = "squeeze", seed: int = 0) -> dict[str, Any]:
    """A random backbone, with a classifier as torchvision's files have it."""
    random = torch.Generator().manual_seed(seed)
    weights = {}
    for convolution in BACKBONES[net].convolutions:
        weights[f"{convolution.key}.weight"] = 0.1 * torch.randn(convolution.weight, generator=random)
        weights[f"{convolution.key}.bias"] = torch.zeros(convolution.weight[0])
    return {**weights, "classifier.1.weight": torch.zeros(10, 4)}


def linear(net: str = "squeeze") -> dict[str, Any]:
    return {f"lin{k}.model.1.weight": torch.rand(1, n, 1, 1) for k, n in enumerate(BACKBONES[net].channels)}


def lpips(**options: Any) -> Any:
    return limen.torch.LPIPS("squeeze", **{"backbone": numbers(), "linear": None, **options})


class Server:
    """Stands for the network: answers with what is published here, and counts."""

    def __init__(self) -> None:
        self.published: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.cut: int | None = None

    def __call__(self, request: urllib.request.Request, timeout: float) -> Any:
        self.asked.append(request.full_url)
        if request.full_url not in self.published:
            raise urllib.error.URLError("Name or service not known")
        body = self.published[request.full_url]
        answer = io.BytesIO(body[: self.cut])
        answer.headers = {"Content-Length": str(len(body))}  # type: ignore[attr-defined]
        return answer


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """No network, an empty cache, no package lpips."""
    own = Server()
    monkeypatch.setattr(urllib.request, "urlopen", own)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("LIMEN_WEIGHTS", raising=False)
    monkeypatch.setattr(_weights, "_lpips_package", lambda: None)
    return own


@pytest.fixture
def publish(server: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, bytes]]:
    """Publishes small stand-ins for the files of SqueezeNet, whose hashes are then the right ones."""

    def publish() -> dict[str, bytes]:
        bodies = {}
        for table, key, content in (
            (BACKBONE_FILES, "squeeze", numbers()),
            (LINEAR_FILES, ("v0.1", "squeeze"), linear()),
        ):
            buffer = io.BytesIO()
            torch.save(content, buffer)
            body = buffer.getvalue()
            file = table[key]  # type: ignore[index]
            monkeypatch.setitem(table, key, dataclasses.replace(file, sha256=hashlib.sha256(body).hexdigest()))  # type: ignore[arg-type]
            server.published[file.url] = body
            bodies[file.name] = body
        return bodies

    return publish


def hub(tmp_path: Path) -> Path:
    return tmp_path / "torch" / "hub" / "checkpoints"


def test_offline_fails_at_once_and_names_everything(server: Server, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        limen.torch.LPIPS("vgg")
    message = str(caught.value)
    assert "vgg16-397923af.pth and LPIPS_v0.1_vgg-a78928a0.pth" in message
    assert str(hub(tmp_path)) in message
    assert "LIMEN_WEIGHTS (none)" in message
    assert "`limen weights fetch --net vgg`" in message
    assert "Name or service not known" in message
    assert len(server.asked) == 1
    assert not list(tmp_path.rglob("*.p*t*"))


def test_what_is_missing_is_downloaded_once(
    server: Server, publish: Callable[[], dict[str, bytes]], tmp_path: Path
) -> None:
    bodies = publish()
    first = limen.torch.LPIPS("squeeze")
    assert {path.name: path.read_bytes() for path in hub(tmp_path).iterdir()} == bodies
    assert len(server.asked) == 2
    second = limen.torch.LPIPS("squeeze")
    assert len(server.asked) == 2
    assert first.fingerprint() == second.fingerprint() == lpips(linear=first_linear(first)).fingerprint()


def first_linear(metric: Any) -> dict[str, Any]:
    return {f"lin{k}.model.1.weight": w[None, :, None, None] for k, w in enumerate(metric.linear)}


def test_limen_weights_comes_first(
    server: Server, publish: Callable[[], dict[str, bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = publish()
    folder = tmp_path / "own"
    monkeypatch.setenv("LIMEN_WEIGHTS", str(folder))
    limen.torch.LPIPS("squeeze")
    assert sorted(path.name for path in folder.iterdir()) == sorted(bodies)
    assert not hub(tmp_path).exists()
    assert _weights.find(BACKBONE_FILES["squeeze"]) == folder / BACKBONE_FILES["squeeze"].name


def test_truncated_download(server: Server, publish: Callable[[], dict[str, bytes]], tmp_path: Path) -> None:
    publish()
    server.cut = 1000
    with pytest.raises(FileNotFoundError, match="the connection ended after 1000 of"):
        limen.torch.LPIPS("squeeze")
    assert not list(hub(tmp_path).iterdir())


def test_another_file_comes(server: Server, publish: Callable[[], dict[str, bytes]], tmp_path: Path) -> None:
    publish()
    server.published[BACKBONE_FILES["squeeze"].url] = b"<html>Please log in</html>"
    with pytest.raises(ValueError, match="another file: its SHA-256"):
        limen.torch.LPIPS("squeeze")
    assert not list(hub(tmp_path).iterdir())


def test_damaged_file_in_the_cache(server: Server, publish: Callable[[], dict[str, bytes]], tmp_path: Path) -> None:
    bodies = publish()
    hub(tmp_path).mkdir(parents=True)
    name = BACKBONE_FILES["squeeze"].name
    (hub(tmp_path) / name).write_bytes(bodies[name][:-1])
    with pytest.raises(ValueError, match=f"{name} is damaged or another file"):
        limen.torch.LPIPS("squeeze")


def test_package_is_read_without_importing_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "lpips"
    (package / "weights" / "v0.1").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "weights" / "v0.1" / "alex.pth").write_bytes(b"weights")
    for name in [name for name in sys.modules if name.partition(".")[0] == "lpips"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "nowhere"))
    monkeypatch.delenv("LIMEN_WEIGHTS", raising=False)
    assert _weights.find(LINEAR_FILES["v0.1", "alex"]) == package / "weights" / "v0.1" / "alex.pth"
    assert "lpips" not in sys.modules


@pytest.mark.parametrize("net", ["alex", "vgg", "squeeze"])
@pytest.mark.parametrize("version", ["v0.1", "v0.0"])
def test_published_linear_weights(net: str, version: str) -> None:
    file = LINEAR_FILES[version, net]
    if _weights.find(file) is None:
        pytest.skip(f"needs {file.name}, which comes with the package lpips")
    metric = limen.torch.LPIPS(net, backbone="random", linear=version)
    assert [len(vector) for vector in metric.linear] == BACKBONES[net].channels
    zeros = {
        ("v0.1", "alex"): [35, 55, 37, 18, 5],
        ("v0.1", "squeeze"): [13, 27, 18, 10, 17, 22, 12],
        ("v0.1", "vgg"): [0] * 5,
        ("v0.0", "alex"): [43, 102, 63, 42, 7],
        ("v0.0", "squeeze"): [39, 108, 90, 36, 35, 46, 11],
        ("v0.0", "vgg"): [50, 107, 198, 60, 6],
    }
    assert [int((vector == 0).sum()) for vector in metric.linear] == zeros[version, net]


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_files(tmp_path: Path, suffix: str) -> None:
    file, lin = tmp_path / f"backbone{suffix}", tmp_path / f"linear{suffix}"
    if suffix == ".pth":
        torch.save(numbers(), file)
        torch.save({"state_dict": linear()}, lin)
    else:
        save_file = pytest.importorskip("safetensors.torch").save_file
        save_file(numbers(), file)
        save_file(linear(), lin)
    metric = lpips(backbone=file, linear=str(lin))
    assert metric.backbone_name == str(file)
    assert torch.equal(metric.backbone.state_dict()["features.0.weight"], numbers()["features.0.weight"])


class Exploit:
    def __reduce__(self) -> Any:
        return (Path("exploited").touch, ())


def test_files_run_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"features.0.weight": Exploit()}, "a.pth")
    Path("b.pth").write_bytes(pickle.dumps(Exploit()))
    for name in ("a.pth", "b.pth"):
        with pytest.raises(ValueError, match="can't be read as weights"):
            lpips(backbone=name)
    assert not Path("exploited").exists()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize(
    "content", [b"", b"text", bytes(1000), b"PK\x03\x04" + bytes(50)], ids=["empty", "text", "zeros", "zip"]
)
def test_broken_files(tmp_path: Path, suffix: str, content: bytes) -> None:
    file = tmp_path / f"broken{suffix}"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=f"broken{suffix} can't be read as weights"):
        lpips(backbone=file)


def test_truncated_file(tmp_path: Path) -> None:
    file = tmp_path / "half.pth"
    torch.save(numbers(), file)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(ValueError, match="can't be read as weights"):
        lpips(backbone=file)


def without(weights: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in weights.items() if name != key}


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        (without(numbers(), "features.12.squeeze.bias"), "missing: features.12.squeeze.bias"),
        ({**numbers(), "extra.weight": IMAGE}, "foreign: extra.weight"),
        ({**numbers(), "features.0.bias": torch.zeros(65)}, r"wrong shape: features.0.bias \(65,\) instead of \(64,\)"),
        (
            {**numbers(), "features.0.bias": torch.full((64,), torch.nan)},
            "no finite floating number, or none in float32, in: features.0.bias",
        ),
        ({**numbers(), "features.0.bias": torch.zeros(64, dtype=torch.int64)}, "no finite floating number"),
        (
            {**numbers(), "features.0.bias": torch.full((64,), 1e39, dtype=torch.float64)},
            "no finite floating number, or none in float32, in: features.0.bias",
        ),
        (
            {**numbers(), "features.0.bias": torch.zeros(64, device="meta")},
            "dense tensors with their data; others are in: features.0.bias",
        ),
        (
            {**numbers(), "features.0.bias": torch.zeros(64).to_sparse()},
            "dense tensors with their data; others are in: features.0.bias",
        ),
        (numbers("alex"), "missing: features.0.weight|wrong shape|foreign"),
        ({}, "missing: .* and 42 more"),
        ({"features.0.weight": 3}, "must hold a state dict"),
        ({3: IMAGE}, "must hold a state dict"),
    ],
    ids=[
        "missing",
        "foreign",
        "shape",
        "nan",
        "integer",
        "huge",
        "meta",
        "sparse",
        "other net",
        "empty",
        "number",
        "key",
    ],
)
def test_state_dicts_that_do_not_fit(backbone: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lpips(backbone=backbone)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (
            {**linear(), "lin2.model.1.weight": torch.full((1, 256, 1, 1), -0.5)},
            "negative weights in lin2.model.1.weight: the smallest is -0.5",
        ),
        (
            {**linear(), "lin2.model.1.weight": torch.full((1, 256, 1, 1), torch.nan)},
            "no finite floating number, or none in float32, in: lin2",
        ),
        (without(linear(), "lin6.model.1.weight"), "missing: lin6.model.1.weight"),
        (linear("alex"), "missing: lin5.model.1.weight, lin6.model.1.weight; wrong shape: lin1"),
        # What lpips without dropout calls them: there they are passed over, and random ones stay.
        ({key.replace("model.1", "model.0"): value for key, value in linear().items()}, "missing: lin0.model.1.weight"),
    ],
    ids=["negative", "nan", "missing", "other net", "other name"],
)
def test_linear_weights_that_do_not_fit(weights: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lpips(linear=weights)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"net": "resnet"}, ValueError, "net must be one of alex, vgg, squeeze, caffe-alex; got 'resnet'"),
        ({"net": None}, TypeError, "net must be a name"),
        ({"net": "caffe-alex", "linear": None}, ValueError, "no weights are published for net 'caffe-alex'"),
        ({"net": "caffe-alex", "backbone": "random"}, ValueError, "linear='v0.1' is not published for net 'caffe-alex'"),
        ({"backbone": "pretraind"}, FileNotFoundError, "backbone must be 'pretrained' or 'random', a path or a state dict; there is no file"),
        ({"backbone": None}, TypeError, "backbone must be 'pretrained' or 'random', a path or a state dict; got NoneType"),
        ({"backbone": "random", "linear": "0.1"}, FileNotFoundError, "linear must be 'v0.1' or 'v0.0', a path"),
        ({"backbone": "random", "linear": 1}, TypeError, "linear must be 'v0.1' or 'v0.0'"),
        ({"backbone": "random", "linear": None, "value_range": 1}, TypeError, "value_range must be two numbers"),
        ({"backbone": "random", "linear": None, "value_range": (1, 0)}, ValueError, "value_range must be finite and rising"),
        ({"backbone": "random", "linear": None, "value_range": (0, float("inf"))}, ValueError, "value_range must be finite"),
        ({"backbone": "random", "linear": None, "reduction": "sum"}, ValueError, "reduction must be"),
        ({"backbone": "random", "linear": None, "dtype": "int8"}, ValueError, "dtype must be a floating dtype"),
        ({"backbone": "random", "linear": None, "dtype": "float"}, None, ""),
    ],
    ids=str,
)  # fmt: skip
def test_arguments(options: dict[str, Any], error: Any, message: str) -> None:
    if error is None:
        limen.torch.LPIPS(**options)
    else:
        with pytest.raises(error, match=message):
            limen.torch.LPIPS(**options)


def test_random_weights_follow_the_seed() -> None:
    fingerprints = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        fingerprints.append(lpips(backbone="random").fingerprint())
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]


def test_fingerprint_is_of_all_weights() -> None:
    metric = lpips(linear=linear())
    before = metric.fingerprint()
    assert metric.to(torch.float64).fingerprint() == before
    assert lpips().fingerprint() != before
    with torch.no_grad():
        metric.linear[3][7] += 1
    assert metric.fingerprint() != before


def test_fingerprint_tells_whether_images_are_scaled() -> None:
    file = LINEAR_FILES["v0.0", "squeeze"]
    path = _weights.find(file)
    if path is None:
        pytest.skip(f"needs {file.name}, which comes with the package lpips")
    by_name, by_path = lpips(linear="v0.0"), lpips(linear=path)
    assert (by_name(IMAGE, -IMAGE) != by_path(IMAGE, -IMAGE)).all()
    assert by_name.fingerprint() != by_path.fingerprint()


def test_weights_are_copied() -> None:
    own = linear()
    before = {key: value.clone() for key, value in own.items()}
    first, second = lpips(linear=own), lpips(linear=own)
    with torch.no_grad():
        for vector in first.linear:
            vector.zero_()
    assert all((vector > 0).any() for vector in second.linear)
    assert all(torch.equal(own[key], before[key]) for key in own)


@pytest.mark.parametrize("source", ["random", "state dict", "file"])
def test_weights_are_on_the_cpu_whatever_the_default_device(source: str, tmp_path: Path) -> None:
    weights: Any = {"random": "random", "state dict": numbers(), "file": tmp_path / "a.pth"}[source]
    torch.save(numbers(), tmp_path / "a.pth")
    own = linear()
    torch.set_default_device("meta")
    try:
        metric = lpips(backbone=weights, linear=own)
    finally:
        torch.set_default_device(None)
    assert {parameter.device.type for parameter in metric.parameters()} == {"cpu"}
    assert metric(IMAGE, -IMAGE).isfinite().all()


def test_old_pytorch_reads_safetensors_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.pth"
    torch.save(numbers(), file)
    monkeypatch.setattr(torch, "__version__", "2.5.1")
    with pytest.raises(ImportError, match=r"install PyTorch 2.6 or later, or convert"):
        lpips(backbone=file)


def run(network: Any, images: Any) -> Any:
    for i in range(len(network.stages)):
        images = network.run_stage(i, images)
    return images


def test_smallest_image_of_every_table() -> None:
    for net, table in BACKBONES.items():
        metric = limen.torch.LPIPS(net, backbone="random", linear=None)
        side = table.min_side
        assert metric(IMAGE[..., :side, :side], -IMAGE[..., :side, :side]).isfinite().all()
        smaller = IMAGE[..., : side - 1, : side - 1]
        with pytest.raises(RuntimeError, match="too small|can't be greater than|must be greater"):
            run(metric.backbone, smaller)


@pytest.mark.parametrize("net", ["alex", "vgg", "squeeze"])
def test_tables_are_torchvisions(net: str) -> None:
    from peers import library

    models = library("torchvision.models")
    with torch.device("meta"):
        whole = {"alex": models.alexnet, "vgg": models.vgg16, "squeeze": models.squeezenet1_1}[net](weights=None)
    shapes = {key: tuple(value.shape) for key, value in whole.features.state_dict().items()}
    own = {}
    for convolution in BACKBONES[net].convolutions:
        own[convolution.key.removeprefix("features.") + ".weight"] = convolution.weight
        own[convolution.key.removeprefix("features.") + ".bias"] = convolution.weight[:1]
    assert own == shapes
