"""Operators of PyTorch, as limen defines them: called very often, on small images too.

`torch.library.custom_op` defines the same ones, and takes three times as long for a call: it compares the memory of all
arguments with that of all results, and goes through the dispatcher twice. Here a call takes the way through the
dispatcher once where nothing but autograd has a part in it, and PyTorch's way where something has: a mode, a transform,
a tensor without data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

Kernel = Callable[..., Any]
Gradient = Tensor | Sequence[Tensor | None] | None  # of an argument that is a list, a list

_library: Any = torch.library  # which has no types for this
_LIBRARY: Any = _library.Library("limen", "FRAGMENT")
# Frames that PyTorch calls while compiled code runs are not to be compiled. The public way loads the compiler at once.
_uncompiled: Any = getattr(torch, "_disable_dynamo", torch.compiler.disable)
# A gradient lies in memory as its image does: the compiler mustn't hand on images that lie otherwise than it said.
_TAGS = (
    torch.Tag.pt2_compliant_tag,
    getattr(torch.Tag, "needs_exact_strides", torch.Tag.needs_fixed_stride_order),
)

# What `torch.library.register_autograd` is made of, and uses in every call; where it is gone, that is used.
_OWN_AUTOGRAD = all(
    hasattr(torch._C, name)
    for name in ("_AutoDispatchBelowAutograd", "_after_autograd_keyset", "DispatchKeySet", "DispatchKey")
)


def _plain_keys(device: str) -> Any:
    """Those of a call that autograd alone looks at before the kernel of a device."""
    keys: Any = torch._C.DispatchKeySet
    return keys(getattr(torch._C.DispatchKey, device)) | keys(getattr(torch._C.DispatchKey, f"Autograd{device}"))


def _as_they_are(arguments: Sequence[Any]) -> Sequence[Any]:
    return arguments


def _chained(arguments: Sequence[Any]) -> Sequence[Any]:
    """Tensors, and those of lists among them."""
    return [tensor for one in arguments for tensor in (one if isinstance(one, (list, tuple)) else (one,))]


class Operator:
    """The operator ``limen::name``. Tensors, or lists of them, come first among its arguments. Its results share no
    memory with them.

    It has a kernel for each device, shapes without data, and a backward formula if it is differentiable.
    """

    def __init__(self, name: str, schema: str) -> None:
        self.name = name
        self.kernels: dict[str, Kernel] = {}
        _LIBRARY.define(name + schema, tags=_TAGS)
        self.overload: Any = getattr(torch.ops.limen, name).default
        self._keep: Callable[..., None] | None = None
        self._backward: Callable[..., tuple[Gradient, ...]] | None = None
        arguments = schema.partition("->")[0]
        if _OWN_AUTOGRAD:
            flat = _chained if "Tensor[]" in arguments else _as_they_are
            kernel = _uncompiled(self._autograd_kernel(arguments.count("Tensor"), flat))
            _LIBRARY.impl(name, kernel, "Autograd", with_keyset=True)
        else:
            torch.library.register_autograd(
                f"limen::{name}", self._go_backward, setup_context=self._set_up, lib=_LIBRARY
            )

    def __call__(self, *arguments: Any) -> Any:
        """Through the dispatcher."""
        return self.overload(*arguments)

    def register_kernel(self, device: str, kernel: Kernel) -> None:
        """What computes with tensors on such devices, ``"cpu"`` or ``"cuda"``, from now on."""
        known = device in self.kernels
        self.kernels[device] = kernel
        if not known:
            kernels = self.kernels
            _LIBRARY.impl(self.name, _uncompiled(lambda *args: kernels[device](*args)), device.upper())

    def register_fake(self, kernel: Kernel) -> None:
        """What makes results without data."""
        torch.library.register_fake(f"limen::{self.name}", kernel, lib=_LIBRARY)

    def register_autograd(
        self, backward: Callable[..., tuple[Gradient, ...]], *, setup_context: Callable[..., None]
    ) -> None:
        """As `torch.library.register_autograd`."""
        self._keep, self._backward = setup_context, backward

    def _set_up(self, ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        if self._keep is not None:
            self._keep(ctx, inputs, output)

    def _go_backward(self, ctx: Any, *upstream: Tensor | None) -> tuple[Gradient, ...]:
        if self._backward is None:
            raise RuntimeError(f"limen::{self.name} is not differentiable")
        return self._backward(ctx, *upstream)

    def _autograd_kernel(self, tensors: int, flat: Callable[[Sequence[Any]], Sequence[Any]]) -> Kernel:
        kernels, overload = self.kernels, self.overload
        cpu, cuda = _plain_keys("CPU"), _plain_keys("CUDA")

        def compute(keys: Any, arguments: Sequence[Any]) -> Any:
            if keys == cpu:
                return kernels["cpu"](*arguments)
            if keys == cuda:
                return kernels["cuda"](*arguments)
            with torch._C._AutoDispatchBelowAutograd():
                return overload.redispatch(keys & torch._C._after_autograd_keyset, *arguments)

        class Recorded(torch.autograd.Function):
            # PyTorch looks at each argument: of the tensors it records, and all come again as one that it doesn't.
            @staticmethod
            def forward(ctx: Any, *inputs_and_call: Any) -> Any:
                keys, arguments = inputs_and_call[-1]
                output = compute(keys, arguments)
                self._set_up(ctx, arguments, output)
                return output

            @staticmethod
            def backward(ctx: Any, *upstream: Any) -> Any:
                return *flat(self._go_backward(ctx, *upstream)[:tensors]), None

        record: Any = Recorded.apply

        def kernel(keys: Any, *arguments: Any) -> Any:
            if torch.is_grad_enabled():
                inputs = flat(arguments[:tensors])
                for tensor in inputs:
                    if tensor is not None and tensor.requires_grad:
                        return record(*inputs, (keys, arguments))
            return compute(keys, arguments)

        return kernel


def define(name: str, schema: str) -> Callable[[Kernel], Operator]:
    """The operator ``limen::name``; the function decorated is its kernel for the CPU."""

    def with_kernel(kernel: Kernel) -> Operator:
        operator = Operator(name, schema)
        operator.register_kernel("cpu", kernel)
        return operator

    return with_kernel
