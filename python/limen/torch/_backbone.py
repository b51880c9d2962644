"""The networks under LPIPS, built from their tables.

Everything is laid out channels-last: pooling is many times faster that way, convolutions are at least as fast.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor, nn
from torch.nn import functional

from .._backbones import Backbone, Conv, Fire, Layer, Norm, Pool, Relu
from . import _state_dicts
from ._state_dicts import StateDict

# Side of the filters whose gradient is a third slower channels-last, which is more than turning the activations takes.
_PLANAR_BACKWARD = 5

# How `lpips` and torchmetrics name layers: the slice, then torchvision's number.
_LPIPS_SLICE = re.compile(r"^(net\.)?slices?\.?\d+\.")
# How limen names layers that `lpips` hasn't, in a whole network that it trained.
_LIMEN_NET = re.compile(r"^net\.(?=conv\d)")


class Network(nn.Module):
    """A backbone that is run stage by stage. Its state dict has the names of torchvision's.

    Weights are frozen unless told otherwise, and on the CPU whatever PyTorch's default device; in `float64` it computes
    whatever they are.
    """

    def __init__(self, table: Backbone) -> None:
        super().__init__()
        self.table = table
        self.stages = [list(stage.items()) for stage in table.stages]
        for convolution in table.convolutions:
            weight = torch.empty(convolution.weight, device="cpu").contiguous(memory_format=torch.channels_last)
            module = _submodule(self, convolution.key)
            module.weight = nn.Parameter(weight, requires_grad=False)
            module.bias = nn.Parameter(weight.new_empty(len(weight)), requires_grad=False)

    def load(self, state_dict: StateDict, what: str) -> None:
        """Take over weights; `what` names them in an error.

        A classifier above the backbone is passed over, as are the linear weights of a whole network that `lpips`
        trained; everything else must fit.
        """
        shapes = {name: tuple(parameter.shape) for name, parameter in self.named_parameters()}
        named = {
            re.sub(_LIMEN_NET, "", re.sub(_LPIPS_SLICE, "features.", key)): value for key, value in state_dict.items()
        }
        ignored = r"classifier\.|fc\d|lins?\d?\.|scaling_layer\."
        self.load_state_dict(_state_dicts.select(named, shapes, what, ignored))

    def randomise(self) -> None:
        """Gaussian weights that keep the size of activations from layer to layer, by PyTorch's random numbers."""
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            else:
                nn.init.kaiming_normal_(parameter, nonlinearity="relu")

    def run_stage(self, index: int, x: Tensor) -> Tensor:
        """From one tap to the next."""
        for key, layer in self.stages[index]:
            x = self.run_layer(key, layer, x)
        return x

    def run_layer(self, key: str, layer: Layer, x: Tensor) -> Tensor:
        """One layer. What a convolution has just written may be overwritten; a tap never is."""
        if isinstance(layer, Conv):
            return self.convolve(key, x, layer.stride, layer.padding, layer.groups)
        if isinstance(layer, Relu):
            return x.relu_()
        if isinstance(layer, Pool):
            return functional.max_pool2d(x, layer.kernel, layer.stride, ceil_mode=layer.ceil)
        if isinstance(layer, Fire):
            squeezed = self.convolve(f"{key}.squeeze", x).relu_()
            small = self.convolve(f"{key}.expand1x1", squeezed)
            large = self.convolve(f"{key}.expand3x3", squeezed, padding=1)
            return torch.cat((small, large), 1).relu_()
        assert isinstance(layer, Norm)
        return functional.local_response_norm(x, layer.size, layer.alpha, layer.beta, k=1.0)

    def convolve(self, key: str, x: Tensor, stride: int = 1, padding: int = 0, groups: int = 1) -> Tensor:
        """The convolution of that name, in the dtype of its weights or in float64."""
        module = self.get_submodule(key)
        weight, bias = module.weight, module.bias
        assert isinstance(weight, Tensor)
        assert isinstance(bias, Tensor)
        if x.dtype == torch.float64:
            weight, bias = weight.double(), bias.double()
        if weight.shape[-1] == _PLANAR_BACKWARD and x.requires_grad and torch.is_grad_enabled():
            planar = functional.conv2d(x.contiguous(), weight.contiguous(), bias, stride, padding, groups=groups)
            return planar.contiguous(memory_format=torch.channels_last)
        return functional.conv2d(x, weight, bias, stride, padding, groups=groups)


def _submodule(module: nn.Module, path: str) -> nn.Module:
    for name in path.split("."):
        if not hasattr(module, name):
            module.add_module(name, nn.Module())
        module = getattr(module, name)
    return module
