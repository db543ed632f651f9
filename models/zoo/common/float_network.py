"""Floating-point networks of the kind that a package can hold, with batch normalisation while training."""

from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F

from .quantised import QuantisedNetwork, activate


@dataclass(frozen=True)
class Layer:
    """A convolution without padding if it has a kernel, else a dense layer; then ReLU and pooling (not after the last)."""

    outputs: int
    kernel: tuple[int, int] | None = None
    stride: tuple[int, int] = (1, 1)
    pool: tuple[str, tuple[int, int]] | None = None


class FloatNetwork(nn.Module):
    """`layers` in a row on inputs of `input_shape` = (channels, height, width) or (length,) in [0, 1]."""

    def __init__(self, input_shape: tuple[int, ...], layers: list[Layer], dropout: float):
        super().__init__()
        self.layers, self.dropout = layers, dropout
        linears, norms = [], []
        x = torch.zeros(2, *input_shape)
        for index, layer in enumerate(layers):
            last = index == len(layers) - 1
            if layer.kernel:
                linears.append(nn.Conv2d(x.shape[1], layer.outputs, layer.kernel, layer.stride, bias=last))
                norms.append(nn.BatchNorm2d(layer.outputs))
            else:
                x = x.flatten(1)
                linears.append(nn.Linear(x.shape[1], layer.outputs, bias=last))
                norms.append(nn.BatchNorm1d(layer.outputs))
            with torch.no_grad():
                x = activate(linears[-1](x), layer.pool)
        self.linears, self.norms = nn.ModuleList(linears), nn.ModuleList(norms[:-1])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer, linear, norm in zip(self.layers, self.linears, self.norms):
            if not layer.kernel:
                x = F.dropout(x.flatten(1), self.dropout / 2, self.training)
            x = activate(norm(linear(x)), layer.pool)
        return self.linears[-1](F.dropout(x.flatten(1), self.dropout, self.training))

    def folded(self) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Weights and biases of all layers with the normalisations folded in."""
        weights, biases = [], []
        for linear, norm in zip(self.linears, self.norms):
            gain = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach()
            weights.append(linear.weight.detach() * gain.view(-1, *[1] * (linear.weight.dim() - 1)))
            biases.append(norm.bias.detach() - norm.running_mean * gain)
        last = self.linears[-1]
        return [*weights, last.weight.detach().clone()], [*biases, last.bias.detach().clone()]


def quantised_network(
    layers: list[Layer], weights, biases, limits: list[int], bits: list[int], input_high: int, sample: torch.Tensor, shifts_only: bool = False
) -> QuantisedNetwork:
    """The quantised network of `layers` that starts from folded float weights."""
    pools = [layer.pool for layer in layers[:-1]]
    strides = [layer.stride for layer in layers]
    return QuantisedNetwork(weights, biases, limits, bits, pools, strides, input_high, sample, shifts_only)
