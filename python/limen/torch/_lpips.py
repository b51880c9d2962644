"""LPIPS as a module."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from .._arrays import resolve_channel_axis
from .._backbones import backbone_named
from .._feature_distance import feature_distance
from .._fingerprints import fingerprint, hash_of
from .._lpips_options import Options, ValueRange, check_shape
from .._ssim import ChannelAxis, Reduction
from . import _functions, _lpips_matrix, _range_check
from ._backbone import Network
from ._lpips_weights import Weights, floating, load, name_of


class LPIPS(nn.Module):
    """Learned perceptual image patch similarity (Zhang et al. 2018): 0 for equal images, larger for worse ones.

    Activations of a network at several depths are normalised over channels and subtracted; the squares, weighted by
    channel, are averaged over positions and added up over layers. The numbers are those of the package `lpips`.

    Parameters
    ----------
    net
        ``"alex"``, ``"vgg"``, ``"squeeze"``, or ``"caffe-alex"``, for which nothing is published in PyTorch's form.
    backbone
        Its weights: ``"pretrained"`` on ImageNet, ``"random"`` (Gaussian, drawn by PyTorch's generator), the path of
        a ``.safetensors`` or ``.pth`` file, or a state dict with torchvision's keys.
    linear
        Weights of the channels: ``"v0.1"``, ``"v0.0"`` (which takes images unscaled, as that version did), None for
        all 1, the path of a file, or a state dict with keys ``lin{k}.model.1.weight``. By path and as a state dict
        those of version 0.0 too are given scaled images.
    spatial
        Return a map (..., 1, H, W) instead: those of all layers, enlarged bilinearly, added up.
    value_range
        What images call black and white. At [-1, 1], which no integer image can mean, integers have their full range;
        any other range is theirs too, so that (0, 1) refuses uint8 images of 0 to 255.
    reduction
        ``"image"``: one number an image, as does ``"none"``. ``"mean"``: that of the batch.
    channel_axis
        As for `limen.ssim`; three channels, red, green and blue.
    return_layers
        Also return what each layer adds: a last axis of the score, or the channels of the map.
    check_range
        Whether values outside `value_range` are an error. A look at every pixel; left out in compiled code and while a
        CUDA graph is captured.
    dtype
        What the backbone computes in, for example ``"bfloat16"``: by default float32, and float64 for float64 images.
        Distances are summed in float32 or wider.

    Raises
    ------
    FileNotFoundError
        If weights are neither on this machine nor to be had, naming the files and the places.
    TypeError, ValueError
        Naming the argument, the value found and what would do.

    Notes
    -----
    All weights are parameters, which require no gradient until told to. Differentiable in both images, once.

    Examples
    --------
    >>> import torch, limen.torch
    >>> metric = limen.torch.LPIPS("squeeze", backbone="random", linear=None, value_range=(0, 1))
    >>> x = torch.rand(2, 3, 64, 64)
    >>> metric(x, x)
    tensor([0., 0.])
    """

    def __init__(
        self,
        net: str = "alex",
        *,
        backbone: Weights = "pretrained",
        linear: Weights | None = "v0.1",
        spatial: bool = False,
        value_range: tuple[float, float] = (-1, 1),
        reduction: Reduction = "image",
        channel_axis: ChannelAxis = "auto",
        return_layers: bool = False,
        check_range: bool = True,
        dtype: str | torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.options = Options.checked(
            spatial=spatial,
            value_range=value_range,
            reduction=reduction,
            return_layers=return_layers,
            check_range=check_range,
        )
        self.channel_axis = channel_axis
        self.table = backbone_named(net)
        self.scaled = not (isinstance(linear, str) and linear == "v0.0")
        self.backbone_name, self.linear_name = name_of(backbone), name_of(linear)
        self.backbone = Network(self.table)
        vectors = load(self.backbone, backbone, linear)
        self._input_scales: dict[Any, tuple[Tensor, Tensor]] = {}
        self.linear = vectors and nn.ParameterList([nn.Parameter(vector, requires_grad=False) for vector in vectors])
        if dtype is not None:
            self.backbone.to(floating(dtype))

    def forward(self, x: Tensor, y: Tensor) -> Any:
        """The distance of images (..., 3, H, W), or as `channel_axis` says, of one dtype.

        Returns
        -------
        score, or (score, layers)
            float64 for float64 images, else float32, in the shape of the batch; a map with `spatial`.
        """
        x, y, _ = _functions._images(x, y, self.channel_axis, self.options.reduction)
        (images_x, batch, size, finish_x), (images_y, *_, finish_y) = self._prepare("x", x), self._prepare("y", y)
        answer = self._answer(self._pairs(images_x, images_y), batch, size)
        finish_x()
        finish_y()
        return answer

    def features(self, x: Tensor) -> list[Tensor]:
        """What the network makes of images: the activations at each tap, (..., C, h, w), for `from_features`.

        An image that is compared with many others then passes through the network once.
        """
        if not isinstance(x, Tensor):
            raise TypeError(f"x must be a tensor; got {type(x).__module__}.{type(x).__qualname__}")
        image, batch, _ = self.prepare("x", x)
        taps = []
        for i in range(len(self.table.channels)):
            image = self.backbone.run_stage(i, image)
            taps.append(image.reshape(*batch, *image.shape[1:]))
        return taps

    def from_features(self, fx: Sequence[Tensor], fy: Sequence[Tensor], *, size: tuple[int, int] | None = None) -> Any:
        """The distance of images of which `features` are given; their batches are broadcast against each other.

        `size`, height and width of the images, is what `spatial` enlarges maps to.
        """
        channels = self.table.channels
        given: dict[str, Any] = {"fx": fx, "fy": fy}
        for name, taps in given.items():
            found = [_channels_of(tap) for tap in taps] if isinstance(taps, Sequence) else None
            if found != channels:
                got = type(taps).__name__ if found is None else [_shape_or_type(tap) for tap in taps]
                raise ValueError(
                    f"{name} must be what features() returns for net {self.table.name!r}, (..., C, h, w) with C "
                    f"{', '.join(map(str, channels))}; got {got}"
                )
        if self.options.spatial and size is None:
            raise ValueError("size must be given, the height and width of the images, for spatial=True")
        if size is not None and not _is_size(size):
            raise ValueError(f"size must be height and width, two integers from 1 up; got {size!r}")
        pairs = [self._broadcast(i, *pair) for i, pair in enumerate(zip(fx, fy, strict=True))]
        batches = [batch for batch, *_ in pairs]
        if batches != batches[:1] * len(batches):
            raise ValueError(f"the features of all layers must have the same batch; got {[tuple(b) for b in batches]}")
        flat = [features for _, *features in pairs]
        return self._answer(flat, batches[0], size or (1, 1), together=True)

    @staticmethod
    def _broadcast(index: int, fx: Tensor, fy: Tensor) -> tuple[torch.Size, Tensor, Tensor]:
        """The batch, and features of it along one axis."""
        if fx.shape == fy.shape:
            shape = fx.shape
            if len(shape) == 4:
                return torch.Size(shape[:1]), fx, fy
        else:
            shapes = tuple(fx.shape), tuple(fy.shape)
            try:
                shape = torch.Size(np.broadcast_shapes(*shapes))
            except ValueError:
                shape = torch.Size()
            if any(shape[-2:] != own[-2:] for own in shapes):
                raise ValueError(
                    f"fx[{index}] and fy[{index}] must agree but for their batch; got {shapes[0]} and {shapes[1]}"
                )
        flat_x, flat_y = (features.expand(shape).reshape(-1, *shape[-3:]) for features in (fx, fy))
        return torch.Size(shape[:-3]), flat_x, flat_y

    def of_arrays(self, x: NDArray[Any], y: NDArray[Any]) -> Any:
        """The same of NumPy arrays: floats, or float64 arrays; maps are float32."""
        with torch.no_grad():
            answer = self(_tensor(x), _tensor(y))
        answers = [_array(part, self.options.spatial) for part in (answer if isinstance(answer, tuple) else (answer,))]
        return tuple(answers) if self.options.return_layers else answers[0]

    def matrix(self, images: Tensor) -> Tensor:
        """The distance of every image with every other, as `limen.lpips_matrix` describes it."""
        return _lpips_matrix.matrix(self, self.prepare("images", images)[0])

    def matrix_of_arrays(self, images: NDArray[Any]) -> NDArray[Any]:
        """The same of a NumPy array."""
        return self.matrix(_tensor(images)).numpy().astype(np.float64)

    def fingerprint(self) -> str:
        """Twelve digits of the SHA-256 of all weights and of whether images are scaled: equal ones give equal scores.

        Whatever file the weights came from; only the name ``"v0.0"`` leaves images unscaled.
        """
        hashes = hash_of(_arrays(self.backbone.parameters())), hash_of(_arrays(self.linear or ()))
        return fingerprint(*hashes, scaled=self.scaled)

    def provenance(self) -> dict[str, Any]:
        """What somebody needs to get the same numbers: net, backbone, linear, value_range and the weights' hash."""
        return {
            "net": self.table.name,
            "backbone": self.backbone_name,
            "linear": self.linear_name,
            "value_range": self.options.value_range,
            "weights": self.fingerprint(),
        }

    def extra_repr(self) -> str:
        """What it was made with, in the module's representation."""
        options = self.options
        return (
            f"{self.table.name!r}, backbone={self.backbone_name!r}, linear={self.linear_name!r}, "
            f"spatial={options.spatial}, value_range={options.value_range}, reduction={options.reduction!r}"
        )

    def prepare(self, name: str, image: Tensor) -> tuple[Tensor, torch.Size, tuple[int, int]]:
        """Images as the network takes them, (N, 3, H, W) in memory order (N, H, W, 3); batch; height and width."""
        images, batch, size, finish_check = self._prepare(name, image)
        finish_check()
        return images, batch, size

    def _prepare(self, name: str, image: Tensor) -> tuple[Tensor, torch.Size, tuple[int, int], Callable[[], None]]:
        """The same, and what still has to be called for values outside of their range to be an error."""
        parameter = next(self.backbone.parameters())
        if parameter.device != image.device:
            raise ValueError(
                f"{name} is on {image.device} and the metric on {parameter.device}: metric.to({name}.device)"
            )
        axis = resolve_channel_axis(self.channel_axis, image.ndim)
        size = check_shape(name, image.shape, axis, self.table)
        value_range = self.options.range_of(image.dtype)
        wide = torch.float64 if image.dtype == torch.float64 else torch.float32
        planar = image.to(wide).movedim(axis or 0, -3)
        finish_check: Callable[[], None] = _nothing
        if self.options.check_range and not torch.compiler.is_compiling() and not image.is_meta:
            finish_check = _range_check.start(name, planar.detach(), value_range)
        factor, offset = self._input_scale(value_range, wide, image)
        scaled = torch.addcmul(offset, planar.reshape(-1, 3, *size), factor)
        scaled = scaled.flip(1) if self.table.bgr else scaled
        computed = wide if wide == torch.float64 else parameter.dtype
        return scaled.to(computed, memory_format=torch.channels_last), planar.shape[:-3], size, finish_check

    def _input_scale(self, value_range: ValueRange, dtype: torch.dtype, image: Tensor) -> tuple[Tensor, Tensor]:
        """What images are multiplied by, and what is added, for each channel."""

        def make() -> tuple[Tensor, Tensor]:
            factor, offset = (
                torch.tensor(numbers, dtype=dtype, device=image.device)[:, None, None]
                for numbers in self.table.input_scale(value_range, self.scaled)
            )
            return factor, offset

        # Bringing numbers to a GPU stops it. What isn't a plain tensor must not be kept for those that are.
        if torch.compiler.is_compiling() or type(image) not in (Tensor, nn.Parameter) or not image.is_cuda:
            return make()
        key = value_range, dtype, image.device
        if key not in self._input_scales:
            with torch.inference_mode(False):
                self._input_scales[key] = make()
        return self._input_scales[key]

    def _pairs(self, x: Tensor, y: Tensor) -> Iterator[Sequence[Tensor]]:
        """What the network makes of both at every tap, each when it is asked for."""
        recorded = torch.is_grad_enabled()
        tuned = recorded and any(parameter.requires_grad for parameter in self.parameters())
        if tuned or not recorded or x.requires_grad == y.requires_grad:
            both = torch.cat((x, y))
            for i in range(len(self.table.channels)):
                both = self.backbone.run_stage(i, both)
                yield both.chunk(2)
            return
        # What needs no gradient goes by itself: nothing is kept of it, and nothing runs back through it.
        for i in range(len(self.table.channels)):
            taps = []
            for image in (x, y):
                with torch.set_grad_enabled(image.requires_grad):
                    taps.append(self.backbone.run_stage(i, image))
            x, y = taps
            yield taps

    def distance(self, index: int, fx: Tensor, fy: Tensor, *, spatial: bool = False) -> Tensor:
        """What one layer adds: (N,), or the map (N, h, w)."""
        weight = None if self.linear is None else self.linear[index]
        if not spatial:
            score: Tensor = feature_distance(fx, fy, weight)
            return score
        _, distances = feature_distance(fx, fy, weight, return_map=True)
        positions: Tensor = distances
        return positions

    def _answer(
        self, pairs: Iterable[Sequence[Tensor]], batch: torch.Size, size: tuple[int, int], *, together: bool = False
    ) -> Any:
        """Layer by layer, no tap nor its gradient is kept longer than its distance takes; together is sooner."""
        if self.options.spatial:
            maps = [self.distance(i, *pair, spatial=True)[:, None] for i, pair in enumerate(pairs)]
            each = torch.cat([functional.interpolate(map_, size, mode="bilinear") for map_ in maps], 1)
            total = each.sum(1, keepdim=True)
        else:
            if together:
                fx, fy = zip(*pairs, strict=True)
                each = _functions.feature_distances(fx, fy, list(self.linear or ()))
            else:
                each = torch.stack([self.distance(i, *pair) for i, pair in enumerate(pairs)], -1)
            total = each.sum(-1)
        mean = self.options.reduction == "mean"
        answers = [
            answer.mean(0) if mean else answer.reshape((*batch, *answer.shape[1:]))
            for answer in ((total, each) if self.options.return_layers else (total,))
        ]
        return tuple(answers) if self.options.return_layers else answers[0]


def _nothing() -> None:
    pass


def _is_size(size: Any) -> bool:
    if not isinstance(size, Sequence) or len(size) != 2:
        return False
    return all(isinstance(n, (int, torch.SymInt, np.integer)) and n > 0 for n in size)


def _channels_of(tap: Any) -> int | None:
    return tap.shape[-3] if isinstance(tap, Tensor) and tap.ndim >= 3 else None


def _shape_or_type(tap: Any) -> Any:
    return tuple(tap.shape) if isinstance(tap, Tensor) else type(tap).__name__


def _tensor(array: NDArray[Any]) -> Tensor:
    """The array as a tensor; a copy where PyTorch can't read it in place, or would ask to write it."""
    array = np.asarray(array)
    if not array.flags.writeable or any(stride < 0 for stride in array.strides):
        array = array.copy()
    if str(array.dtype) == "bfloat16":  # which comes from a package beside NumPy, and which PyTorch doesn't know
        return torch.from_numpy(array.view(np.uint16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def _array(answer: Tensor, spatial: bool) -> Any:
    if spatial:
        return answer.numpy()
    return answer.item() if answer.ndim == 0 else answer.numpy().astype(np.float64)


def _arrays(tensors: Iterable[Tensor]) -> Iterator[NDArray[Any]]:
    return (tensor.detach().to("cpu", torch.float32).numpy() for tensor in tensors)
