"""
Layers whose weights are trained in integer units and whose requantisation is a shift.

An activation is `clamp(floor(accumulator / 2^shift + 1/2), 0, high)`. Layers compute
`accumulator / 2^shift`, which floats hold exactly: with float32 the network is the package, bit for
bit; with bfloat16 (autocast, while training) only sums are rounded. Rounding passes gradients
straight through.
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class RoundThrough(torch.autograd.Function):
    """Rounds halves up to integers low .. high; the gradient is that of clamping."""

    @staticmethod
    def forward(context, x: torch.Tensor, low: int, high: int) -> torch.Tensor:
        context.save_for_backward((x > low) & (x < high))
        return torch.floor(x + 0.5).clamp_(low, high)

    @staticmethod
    def backward(context, gradient: torch.Tensor):
        (inside,) = context.saved_tensors
        return gradient * inside, None, None


def requantise(x: torch.Tensor, high: int) -> torch.Tensor:
    """ReLU and rounding of accumulators in units of what they are rounded to."""
    return RoundThrough.apply(x, 0, high)


class ShiftedLayer(nn.Module):
    """
    A convolution (weight of rank 4) or dense layer (rank 2) with integer weights in -limit .. limit.

    `weight` is in integer units, `bias` in units of 2^shift accumulators, and so is the result.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, limit: int, shift: int, stride: int = 1):
        super().__init__()
        self.limit, self.shift, self.stride = limit, shift, stride
        self.weight = nn.Parameter(weight.clone())
        self.bias = None if bias is None else nn.Parameter(bias.clone())

    def integers(self) -> torch.Tensor:
        """Integer weights, with a gradient."""
        return RoundThrough.apply(self.weight, -self.limit, self.limit)

    def integer_bias(self) -> torch.Tensor:
        """In accumulators, with a gradient."""
        return RoundThrough.apply(self.bias * 2.0**self.shift, -(2**31), 2**31)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = self.integers() * 2.0**-self.shift
        bias = None if self.bias is None else self.integer_bias() * 2.0**-self.shift
        if weight.dim() == 2:
            return F.linear(x, weight, bias)
        return F.conv2d(x, weight, bias, self.stride, weight.shape[2] // 2)

    @torch.no_grad()
    def range(self, low: int, high: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Least and greatest accumulator of every row for inputs in low .. high, where low <= 0 <= high."""
        weight = self.integers().flatten(1)
        positive, negative = weight.clamp(min=0).sum(1), weight.clamp(max=0).sum(1)
        bias = 0 if self.bias is None else self.integer_bias()
        return positive * low + negative * high + bias, positive * high + negative * low + bias


def balance(sizes: torch.Tensor, extent: float = 4.0) -> torch.Tensor:
    """Gains that bring the sizes of channels half the way (on a logarithmic scale) to their mean."""
    sizes = sizes + 1e-3 * sizes.mean()
    return (sizes.log().mean().exp() / sizes).sqrt().clamp(1 / extent, extent)


def nearest_shift(ratio: float) -> int:
    """The shift of least distance to `ratio`, which is about 2^shift."""
    return round(math.log2(ratio))
