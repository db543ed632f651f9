"""
The integer network of ResNet-20 for training: narrow weights and activations, shifts between rounds.

All blocks of a stage write to one stream of activations whose unit they share, so that a residual
connection is a power of two times its input.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn as nn

from common.power_of_two import ShiftedLayer, balance, nearest_shift, requantise
from common.quantised import best_scale, best_step

BLOCKS_PER_STAGE = 3
STAGES = 3


@dataclass(frozen=True)
class Widths:
    """Largest integers: of weights (stem, blocks, projections, head) and of activations (of streams and within blocks, by stage; of the mean)."""

    stem: int = 15
    block: int = 7
    projection: int = 31
    head: int = 15
    streams: tuple[int, ...] = (63, 63, 31)
    inner: tuple[int, ...] = (31, 31, 31)
    mean: int = 127


# A picture's bytes less 128.
INPUT_LOW, INPUT_HIGH = -128, 127
INPUT_SCALE, INPUT_OFFSET = 1 / 255, 128 / 255


class IntegerBlock(nn.Module):
    """Two convolutions and a shortcut around them; the result is not yet requantised."""

    def __init__(self, first: ShiftedLayer, second: ShiftedLayer, shortcut: ShiftedLayer | None, inner: int):
        super().__init__()
        self.first, self.second, self.shortcut, self.inner = first, second, shortcut, inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(requantise(self.first(x), self.inner)) + (self.shortcut(x) if self.shortcut else x)


class IntegerResNet(nn.Module):
    """
    Inputs (samples, 3, 32, 32) in [0, 1], outputs (samples, 10).

    Exact in evaluation: `stem`, blocks and head hold the package's integers.
    """

    def __init__(self, stem, blocks, head, mean_shift: int, score_scale: float, widths: Widths):
        super().__init__()
        self.stem, self.blocks, self.head = stem, nn.ModuleList(blocks), head
        self.mean_shift, self.score_scale, self.widths = mean_shift, score_scale, widths

    def high_of(self, block: int) -> int:
        """Largest integer of what this block writes."""
        return self.widths.streams[block // BLOCKS_PER_STAGE]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.training):
            x = torch.floor((x - INPUT_OFFSET) / INPUT_SCALE + 0.5).clamp(INPUT_LOW, INPUT_HIGH)
            x = requantise(self.stem(x.contiguous(memory_format=torch.channels_last)), self.high_of(0))
            for index, block in enumerate(self.blocks[:-1]):
                x = requantise(block(x), self.high_of(index))
            x = self.blocks[-1](x).relu().float().mean((2, 3))
            x = requantise(x * 2.0**-self.mean_shift, self.widths.mean)
        return self.head(x) * self.score_scale

    @torch.no_grad()
    def bounds(self) -> list[torch.Tensor]:
        """Largest magnitude of every row's accumulators, round by round."""
        widths = self.widths
        ranges = [self.stem.range(INPUT_LOW, INPUT_HIGH)]
        high = widths.streams[0]
        for index, block in enumerate(self.blocks):
            ranges.append(block.first.range(0, high))
            low, top = block.second.range(0, block.inner)
            if block.shortcut:
                more = block.shortcut.range(0, high)
                ranges.append((low + more[0], top + more[1]))
            else:
                ranges.append((low, top + high * 2**block.second.shift))
            high = self.high_of(index)
        ranges.append(self.head.range(0, widths.mean))
        return [torch.maximum(-low, top) for low, top in ranges]

    @torch.no_grad()
    def keep_within(self, bound: float) -> None:
        """Shrinks the weights of rows whose accumulators could leave -bound .. bound."""
        convolutions = [self.stem]
        for block in self.blocks:
            convolutions += [block.first, block.second]
        for layer, size in zip([*convolutions, self.head], self.bounds()):
            factor = (bound / size).clamp(max=1)
            layer.weight *= factor.view(-1, *[1] * (layer.weight.dim() - 1))


@dataclass
class Folded:
    """A float convolution or dense layer, normalisation folded in."""

    weight: torch.Tensor
    bias: torch.Tensor

    def scale_rows(self, gain: torch.Tensor) -> None:
        self.weight *= gain.view(-1, *[1] * (self.weight.dim() - 1))
        self.bias *= gain

    def scale_columns(self, gain: torch.Tensor) -> None:
        self.weight *= gain.view(1, -1, *[1] * (self.weight.dim() - 2))

    def __call__(self, x: torch.Tensor, stride: int = 1) -> torch.Tensor:
        return nn.functional.conv2d(x, self.weight, self.bias, stride, self.weight.shape[2] // 2)


@dataclass
class FoldedBlock:
    first: Folded
    second: Folded
    shortcut: Folded | None

    def run(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Activations within the block and behind it."""
        inner = self.first(x, 2 if self.shortcut else 1).relu()
        return inner, (self.second(inner) + (self.shortcut(x, 2) if self.shortcut else x)).relu()


def read_float(path: Path) -> tuple[Folded, list[FoldedBlock], Folded]:
    """Stem, blocks and head of the float ONNX file, whose stem reads (x - 0.5) * 4."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(path).graph
    tensors = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}
    layers = {n.name: Folded(*[tensors[i] for i in n.input[1:3]]) for n in graph.node if n.op_type in ("Conv", "Gemm")}

    def named(part: str) -> Folded | None:
        return next((layer for name, layer in layers.items() if part in name), None)

    blocks = [
        FoldedBlock(*[named(f"blocks.{index}/{part}/") for part in ("first", "second", "shortcut")])
        for index in range(BLOCKS_PER_STAGE * STAGES)
    ]
    return named("/stem/"), blocks, named("head")


def size_of_channels(x: torch.Tensor) -> torch.Tensor:
    return x.square().mean((0, 2, 3)).sqrt()


@torch.no_grad()
def integer_start(path: Path, pictures: torch.Tensor, widths: Widths) -> IntegerResNet:
    """The integer network before fine-tuning, from the float ONNX file and sample pictures in [0, 1]."""
    stem, blocks, head = read_float(path)
    stem.weight *= 4 * INPUT_SCALE
    sample = torch.floor((pictures - INPUT_OFFSET) / INPUT_SCALE + 0.5)

    # Gains of channels move between layers, within blocks and on each stage's stream.
    x, streams = stem(sample).relu(), [[] for _ in range(STAGES)]
    streams[0].append(x)
    for index, block in enumerate(blocks):
        inner, x = block.run(x)
        gain = balance(size_of_channels(inner))
        block.first.scale_rows(gain)
        block.second.scale_columns(1 / gain)
        streams[index // BLOCKS_PER_STAGE].append(x)
    stream_steps = []
    for stage, (seen, high) in enumerate(zip(streams, widths.streams)):
        gain = balance(torch.stack([size_of_channels(x) for x in seen]).mean(0))
        for index in range(stage * BLOCKS_PER_STAGE, (stage + 1) * BLOCKS_PER_STAGE):
            if blocks[index].shortcut:
                blocks[index].shortcut.scale_rows(gain)
            else:
                blocks[index].first.scale_columns(1 / gain)
            blocks[index].second.scale_rows(gain)
        if stage == 0:
            stem.scale_rows(gain)
        reader = blocks[(stage + 1) * BLOCKS_PER_STAGE : (stage + 1) * BLOCKS_PER_STAGE + 1]
        for layer in [reader[0].first, reader[0].shortcut] if reader else [head]:
            layer.scale_columns(1 / gain)
        values = torch.cat([(x[:, :, ::3, ::3] * gain.view(1, -1, 1, 1)).flatten() for x in seen])
        stream_steps.append(step_for(values, high))

    def layer(folded: Folded, limit: int, in_step: float, out_step: float, stride=1, shift=None, bias=None):
        if shift is None:
            shift = nearest_shift(out_step / (in_step * float(best_scale(folded.weight, limit))))
        bias = folded.bias if bias is None else bias
        return ShiftedLayer(folded.weight * (in_step / out_step * 2**shift), bias / out_step, limit, shift, stride)

    integer_stem = layer(stem, widths.stem, 1.0, stream_steps[0])
    integer_blocks, x, step = [], stem(sample).relu(), stream_steps[0]
    for index, block in enumerate(blocks):
        stage = index // BLOCKS_PER_STAGE
        inner, x = block.run(x)
        inner_step, out_step = step_for(inner, widths.inner[stage]), stream_steps[stage]
        first = layer(block.first, widths.block, step, inner_step, 2 if block.shortcut else 1)
        bias = block.second.bias + (block.shortcut.bias if block.shortcut else 0)
        second = layer(block.second, widths.block, inner_step, out_step, bias=bias)
        shortcut = None
        if block.shortcut:
            shortcut = layer(block.shortcut, widths.projection, step, out_step, 2, second.shift)
            shortcut.bias = None
        integer_blocks.append(IntegerBlock(first, second, shortcut, widths.inner[stage]))
        step = out_step
    mean = x.mean((2, 3))
    # The mean's unit is a power of two of the stream's.
    mean_shift = nearest_shift(step_for(mean, widths.mean) / step)
    mean_step = step * 2.0**mean_shift
    scale = float(best_scale(head.weight, widths.head))
    integer_head = ShiftedLayer(head.weight / scale, head.bias / (scale * mean_step), widths.head, 0)
    return IntegerResNet(integer_stem, integer_blocks, integer_head, mean_shift, scale * mean_step, widths)


def step_for(values: torch.Tensor, high: int) -> float:
    positive = values[values > 0]
    return best_step(positive[:: max(1, len(positive) // 200_000)], (high + 1).bit_length() - 1)
