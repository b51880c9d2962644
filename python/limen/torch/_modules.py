"""SSIM and MS-SSIM as modules and as losses."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from .. import _ms_ssim, _ssim
from .._checks import number
from .._conventions import Convention, as_convention
from .._ssim import ChannelAxis, Reduction
from . import _functions


class _Metric(nn.Module):
    """The keywords that every metric takes, checked as far as they can be without images. No parameters, no buffers."""

    def __init__(
        self, *, data_range: float | None, channel_axis: ChannelAxis, convention: str | Convention, reduction: Reduction
    ) -> None:
        super().__init__()
        as_convention(convention)
        self.data_range = data_range
        self.channel_axis = channel_axis
        self.convention = convention
        self.reduction = reduction

    def keywords(self) -> dict[str, Any]:
        """Those of the function that the module calls."""
        return {
            "data_range": self.data_range,
            "channel_axis": self.channel_axis,
            "convention": self.convention,
            "reduction": self.reduction,
        }

    def extra_repr(self) -> str:
        """The keywords, in the module's representation."""
        return ", ".join(f"{name}={value!r}" for name, value in self.keywords().items())


class SSIM(_Metric):
    """`limen.ssim` as a module, differentiable in both images.

    Parameters
    ----------
    data_range, channel_axis, convention, reduction, return_map
        As for `limen.ssim`.

    Raises
    ------
    TypeError, ValueError
        For an unknown convention; what only images can show is raised when they come.

    Examples
    --------
    >>> import torch, limen.torch
    >>> metric = limen.torch.SSIM(data_range=1.0)
    >>> metric(torch.zeros(4, 3, 32, 32), torch.zeros(4, 3, 32, 32))
    tensor([1., 1., 1., 1.])
    """

    def __init__(
        self,
        *,
        data_range: float | None = None,
        channel_axis: ChannelAxis = "auto",
        convention: str | Convention = "wang",
        reduction: Reduction = "image",
        return_map: bool = False,
    ) -> None:
        super().__init__(data_range=data_range, channel_axis=channel_axis, convention=convention, reduction=reduction)
        self.return_map = return_map

    def forward(self, x: Tensor, y: Tensor) -> Any:
        """The score of images (H, W), (..., C, H, W) or as `channel_axis` says, or the score and the map.

        Shapes, dtypes and errors are those of `limen.ssim`.
        """
        return _ssim.ssim(x, y, **self.keywords(), return_map=self.return_map)


class MSSSIM(_Metric):
    """`limen.ms_ssim` as a module, differentiable in both images.

    Parameters
    ----------
    data_range, channel_axis, convention, reduction, return_scales
        As for `limen.ms_ssim`. The scales carry no gradient.

    Raises
    ------
    TypeError, ValueError
        For an unknown convention or one without MS-SSIM; what only images can show is raised when they come.
    """

    def __init__(
        self,
        *,
        data_range: float | None = None,
        channel_axis: ChannelAxis = "auto",
        convention: str | Convention = "wang",
        reduction: Reduction = "image",
        return_scales: bool = False,
    ) -> None:
        super().__init__(data_range=data_range, channel_axis=channel_axis, convention=convention, reduction=reduction)
        _refuse_without_ms_ssim(convention)
        self.return_scales = return_scales

    def forward(self, x: Tensor, y: Tensor) -> Any:
        """The score of images (H, W), (..., C, H, W) or as `channel_axis` says, or the score and the scales.

        Shapes, dtypes and errors are those of `limen.ms_ssim`.
        """
        return _ms_ssim.ms_ssim(x, y, **self.keywords(), return_scales=self.return_scales)


class SSIMLoss(_Metric):
    """1 - the mean SSIM of a batch, a scalar: 0 for equal images, at most 2.

    Parameters
    ----------
    data_range, channel_axis, convention
        As for `limen.ssim`.

    Raises
    ------
    TypeError, ValueError
        For an unknown convention; what only images can show is raised when they come.

    Examples
    --------
    >>> import torch, limen.torch
    >>> restored = torch.rand(4, 3, 32, 32, requires_grad=True)
    >>> loss = limen.torch.SSIMLoss(data_range=1.0)(restored, torch.rand(4, 3, 32, 32))
    >>> loss.backward()
    """

    def __init__(
        self,
        *,
        data_range: float | None = None,
        channel_axis: ChannelAxis = "auto",
        convention: str | Convention = "wang",
    ) -> None:
        super().__init__(data_range=data_range, channel_axis=channel_axis, convention=convention, reduction="mean")

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The loss of images (H, W), (..., C, H, W) or as `channel_axis` says.

        A scalar, float64 for float64 images, else float32. Errors are those of `limen.ssim`.
        """
        return _functions.ssim_loss(x, y, **self.keywords())


class L1SSIMLoss(_Metric):
    """(1 - weight) * mean absolute error + weight * (1 - mean SSIM) of a batch, a scalar: 0 for equal images.

    The loss of 3D Gaussian splatting has a weight of 0.2, images in [0, 1] and ``convention="fused-ssim"``. On a GPU
    both terms and their gradients come from one sweep over the images.

    Parameters
    ----------
    weight
        Of the second term, from 0 to 1.
    data_range, channel_axis, convention
        As for `limen.ssim`. The absolute error is not divided by the range.

    Raises
    ------
    TypeError, ValueError
        For a weight that is none and an unknown convention; what only images can show is raised when they come.

    Examples
    --------
    >>> import torch, limen.torch
    >>> loss = limen.torch.L1SSIMLoss(0.2, data_range=1.0, convention="fused-ssim")
    >>> loss(torch.ones(1, 3, 16, 16), torch.ones(1, 3, 16, 16))
    tensor(0.)
    """

    def __init__(
        self,
        weight: float = 0.2,
        *,
        data_range: float | None = None,
        channel_axis: ChannelAxis = "auto",
        convention: str | Convention = "wang",
    ) -> None:
        super().__init__(data_range=data_range, channel_axis=channel_axis, convention=convention, reduction="mean")
        self.weight = number("weight", weight)
        if not 0 <= self.weight <= 1:
            raise ValueError(f"weight must be from 0 to 1; got {self.weight}")

    def keywords(self) -> dict[str, Any]:
        """With the weight."""
        return {"weight": self.weight, **super().keywords()}

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The loss of images (H, W), (..., C, H, W) or as `channel_axis` says.

        A scalar, float64 for float64 images, else float32. Errors are those of `limen.ssim`.
        """
        return _functions.l1_ssim_loss(x, y, **self.keywords())


class MSSSIMLoss(_Metric):
    """1 - the mean MS-SSIM of a batch, a scalar: 0 for equal images.

    Parameters
    ----------
    data_range, channel_axis, convention
        As for `limen.ms_ssim`.

    Raises
    ------
    TypeError, ValueError
        For an unknown convention or one without MS-SSIM; what only images can show is raised when they come.
    """

    def __init__(
        self,
        *,
        data_range: float | None = None,
        channel_axis: ChannelAxis = "auto",
        convention: str | Convention = "wang",
    ) -> None:
        super().__init__(data_range=data_range, channel_axis=channel_axis, convention=convention, reduction="mean")
        _refuse_without_ms_ssim(convention)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The loss of images (H, W), (..., C, H, W) or as `channel_axis` says.

        A scalar, float64 for float64 images, else float32. Errors are those of `limen.ms_ssim`.
        """
        return _functions.ms_ssim_loss(x, y, **self.keywords())


def _refuse_without_ms_ssim(convention: str | Convention) -> None:
    _ = as_convention(convention).ms_ssim_min_side  # which raises
