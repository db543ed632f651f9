"""
Quantisation-aware layers that simulate the integer pipeline of a package.

A round computes accumulators `W x + b` in integers; the edge applies ReLU, adds up
pooling windows and requantises. With one scale per weight tensor and one step per
activation tensor, every value here is an integer times a known scale, so the
trained network *is* the integer network:

    accumulator * (weight scale * input step) == the float computed here.

Scales and steps are learned (LSQ: Esser et al., Learned Step Size Quantization, 2020)
through their logarithm; rounding passes gradients straight through.
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F


def round_through(x: torch.Tensor) -> torch.Tensor:
    """Rounds halves up, as requantisation does; the gradient is that of the identity."""
    return x + (torch.floor(x + 0.5) - x).detach()


class Step(nn.Module):
    """Unsigned quantisation of an activation: integers 0 .. 2^bits - 1 times a learned step."""

    def __init__(self, bits: int, step: float):
        super().__init__()
        self.high = 2**bits - 1
        self.log_step = nn.Parameter(torch.tensor(float(step)).log())

    @property
    def step(self) -> torch.Tensor:
        return self.log_step.exp()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return round_through(torch.clamp(x / self.step, 0, self.high)) * self.step


class IntegerLayer(nn.Module):
    """
    A convolution (weight of rank 4) or dense layer (rank 2) with weights in
    -limit .. limit times one learned scale, and biases on the accumulator's grid.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor, limit: int, stride: int | tuple[int, int] = 1):
        super().__init__()
        self.limit, self.stride = limit, stride
        self.weight = nn.Parameter(weight.clone())
        self.bias = nn.Parameter(bias.clone())
        self.log_scale = nn.Parameter(best_scale(weight, limit).log())

    @property
    def scale(self) -> torch.Tensor:
        return self.log_scale.exp()

    def integers(self) -> torch.Tensor:
        """Integer weights, with a gradient."""
        return round_through(torch.clamp(self.weight / self.scale, -self.limit, self.limit))

    def quantised_weight(self) -> torch.Tensor:
        """Integer weights times the scale, with a gradient."""
        return self.integers() * self.scale

    def forward(self, x: torch.Tensor, input_step: torch.Tensor) -> torch.Tensor:
        unit = self.scale * input_step
        weight = self.quantised_weight()
        bias = round_through(self.bias / unit) * unit
        return linear(weight, bias, x, self.stride)

    def bounds(self, input_step: torch.Tensor, input_high: int) -> torch.Tensor:
        """Largest magnitude of each output's accumulator, with a gradient."""
        weight = self.integers().flatten(1)
        bias = self.bias / (self.scale * input_step)
        above = bias + weight.clamp(min=0).sum(1) * input_high
        below = bias + weight.clamp(max=0).sum(1) * input_high
        return torch.maximum(above.abs(), below.abs())


class TernaryLayer(IntegerLayer):
    """
    A layer with weights -1, 0, 1 times one learned scale, zero below a threshold
    (Li and Liu, Ternary Weight Networks, 2016). Zeros cost nothing in a round, so the
    threshold is moved to where a wanted share of the weights is zero.
    """

    def __init__(self, weight, bias, stride=1):
        super().__init__(weight, bias, 1, stride)
        self.register_buffer("threshold", self.scale.detach() / 2)

    @torch.no_grad()
    def set_sparsity(self, zeros: float) -> None:
        """Makes about this share of the weights zero."""
        magnitudes = self.weight.abs().flatten()
        self.threshold.copy_(magnitudes.kthvalue(max(1, int(zeros * len(magnitudes)))).values)

    def integers(self) -> torch.Tensor:
        return self.weight.sign() * (self.weight.abs() > self.threshold)

    def quantised_weight(self) -> torch.Tensor:
        """The gradient passes straight through to every weight; the scale has its own."""
        ternary = self.integers().detach()
        return ternary * self.scale + self.weight - self.weight.detach()


class QuantisedNetwork(nn.Module):
    """
    Rounds in a row: input -> layer -> ReLU -> pooling -> requantisation -> ... -> layer.

    weights, biases: of every layer, float, normalisations folded in.
    limits: largest integer weight of each layer.
    bits: of the activation after each hidden layer.
    pools: after each hidden layer, None or ("average" | "max", (height, width)); window = stride.
    strides: of each layer (dense layers: 1).
    input_high: the input in [0, 1] becomes integers 0 .. input_high.
    sample: inputs that calibrate the first guess of the activation steps.
    shifts_only: every requantisation is a power of two, fixed at the start; steps then follow scales.
    """

    def __init__(
        self, weights, biases, limits, bits, pools, strides, input_high: int, sample: torch.Tensor, shifts_only: bool = False
    ):
        super().__init__()
        weights, biases = [w.clone() for w in weights], [b.clone() for b in biases]
        equalise(weights, biases)
        self.pools, self.input_high = pools, input_high
        self.register_buffer("input_step", torch.tensor(1 / input_high))
        self.layers = nn.ModuleList(
            TernaryLayer(w, b, stride) if limit == 1 else IntegerLayer(w, b, limit, stride)
            for w, b, limit, stride in zip(weights, biases, limits, strides)
        )
        steps, x = [], self.quantise_input(sample)
        with torch.no_grad():
            for weight, bias, stride, pool, count in zip(weights, biases, strides, pools, bits):
                x = activate(linear(weight, bias, x, stride), pool)
                steps.append(Step(count, best_step(x[x > 0], count)))
        self.steps = nn.ModuleList(steps)
        if shifts_only:
            ratios = torch.stack([step.log_step.detach() - unit for step, unit in zip(steps, self.log_units())])
            self.register_buffer("shifts", (ratios / math.log(2)).round())
            self.tie_steps()

    @torch.no_grad()
    def log_units(self) -> list[torch.Tensor]:
        """Logarithm of what one unit of each hidden round stands for behind its pooling."""
        units, step = [], self.input_step.log()
        for layer, pool, following in zip(self.layers, self.pools, self.steps):
            area = math.prod(pool[1]) if pool and pool[0] == "average" else 1
            units.append(layer.log_scale + step - math.log(area))
            step = following.log_step
        return units

    @torch.no_grad()
    def tie_steps(self) -> None:
        """Makes every activation step its round's unit times a power of two."""
        for index, shift in enumerate(self.shifts):
            self.steps[index].log_step.copy_(self.log_units()[index] + shift * math.log(2))

    def quantise_input(self, x: torch.Tensor) -> torch.Tensor:
        return round_through(x.clamp(0, 1) * self.input_high) / self.input_high

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if hasattr(self, "shifts"):
            self.tie_steps()
        x, step = self.quantise_input(x), self.input_step
        for layer, pool, quantise in zip(self.layers, self.pools, self.steps):
            x, step = quantise(activate(layer(x, step), pool)), quantise.step
        return self.layers[-1](x, step)


def linear(weight: torch.Tensor, bias: torch.Tensor, x: torch.Tensor, stride) -> torch.Tensor:
    """Convolution without padding for weights of rank 4; else a dense layer on the flattened input."""
    if weight.dim() == 4:
        return F.conv2d(x, weight, bias, stride)
    return F.linear(x.flatten(1), weight, bias)


def activate(x: torch.Tensor, pool) -> torch.Tensor:
    """ReLU, then pooling."""
    x = F.relu(x)
    if pool is None:
        return x
    kind, window = pool
    return F.avg_pool2d(x, window) if kind == "average" else F.max_pool2d(x, window)


def best_scale(weight: torch.Tensor, limit: int) -> torch.Tensor:
    """Scale of least squared error of a weight tensor on the grid -limit .. limit."""
    largest = weight.abs().max()
    candidates = largest / limit * torch.linspace(0.05, 1.0, 96)
    errors = [
        ((torch.clamp(torch.floor(weight / s + 0.5), -limit, limit) * s - weight) ** 2).sum() for s in candidates
    ]
    return candidates[int(torch.stack(errors).argmin())].detach()


def best_step(sample: torch.Tensor, bits: int) -> float:
    """Step of least squared error for an activation sample of non-negative values."""
    high = 2**bits - 1
    largest = float(sample.max())
    best, least = largest / high, float("inf")
    for share in torch.linspace(0.2, 1.0, 41).tolist():
        step = largest * share / high
        error = float(((torch.clamp(torch.floor(sample / step + 0.5), 0, high) * step - sample) ** 2).mean())
        if error < least:
            best, least = step, error
    return best


def equalise(weights: list[torch.Tensor], biases: list[torch.Tensor], rounds: int = 10) -> None:
    """
    Moves the gain of every hidden channel between the layer before and the layer
    after (ReLU and pooling are homogeneous), in place, so that both weight tensors
    use one scale well (Nagel et al., Data-Free Quantization, 2019).
    """
    for _ in range(rounds):
        for index in range(len(weights) - 1):
            before, after = weights[index], weights[index + 1]
            channels = before.shape[0]
            grouped = after.reshape(after.shape[0], channels, -1)
            size_before = before.flatten(1).square().mean(1).sqrt() + 1e-8
            size_after = grouped.square().mean((0, 2)).sqrt() + 1e-8
            size_before = size_before / size_before.mean()
            size_after = size_after / size_after.mean()
            gain = (size_after / size_before).sqrt().clamp(1 / 16, 16)
            before *= gain.view(-1, *[1] * (before.dim() - 1))
            biases[index] *= gain
            grouped /= gain.view(1, -1, 1)
            weights[index + 1].copy_(grouped.reshape(after.shape))
