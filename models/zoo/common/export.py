"""
From a trained QuantisedNetwork to its integer rounds, which are simulated here, and
to the files that `cipherlayer compile` takes: an ONNX file whose weights lie on the
integer grid, and `quantisation.json` (format: README.md in this folder).
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import torch

from .quantised import QuantisedNetwork, linear


@dataclass
class Sensor:
    """What the model knows of a reading: beyond its ends it saturates. In training it is (x - low) / (high - low)."""

    low: float
    high: float
    unit: str


@dataclass
class Requantisation:
    """x -> clamp(floor((x * multiplier + 2^(shift-1)) / 2^shift), 0, high)."""

    multiplier: int
    shift: int
    high: int
    step: float

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        rounded = torch.floor((x * self.multiplier + 2.0 ** (self.shift - 1)) / 2.0**self.shift)
        return rounded.clamp(0, self.high)


@dataclass
class Round:
    """One linear round in integers; `requantisation` and `pool` are None after the last."""

    name: str
    weight: torch.Tensor
    bias: torch.Tensor
    weight_scale: float
    limit: int
    input_step: float
    input_high: int
    input_shape: list[int]
    output_shape: list[int]
    stride: tuple[int, int]
    pool: tuple[str, tuple[int, int]] | None
    requantisation: Requantisation | None
    bound: int


def requantisation(ratio: float, high: int, step: float) -> Requantisation:
    """A multiplier of 20 bits: far finer than any step, products far below 2^53."""
    shift = 19 - math.floor(math.log2(ratio))
    return Requantisation(round(ratio * 2**shift), shift, high, step)


@torch.no_grad()
def integer_rounds(network: QuantisedNetwork, names: list[str], input_shape: list[int]) -> list[Round]:
    """The network in integers (float64 tensors that hold integers, exact below 2^53)."""
    rounds = []
    step, high = float(network.input_step), network.input_high
    shape = list(input_shape)
    for index, (name, layer) in enumerate(zip(names, network.layers)):
        weight = layer.integers().double().round()
        scale = float(layer.scale.double())
        bias = torch.floor(layer.bias.double() / (scale * step) + 0.5)
        stride = layer.stride if isinstance(layer.stride, tuple) else (layer.stride, layer.stride)
        positive = weight.flatten(1).clamp(min=0).sum(1) * high + bias
        negative = weight.flatten(1).clamp(max=0).sum(1) * high + bias
        bound = int(torch.maximum(positive.abs(), negative.abs()).max())
        output = list(linear(weight, bias, torch.zeros(1, *shape).double(), stride).shape[1:])
        pool, following, after = None, None, output
        if index < len(network.steps):
            pool, target = network.pools[index], network.steps[index]
            area = pool[1][0] * pool[1][1] if pool and pool[0] == "average" else 1
            next_step = float(target.step.double())
            if hasattr(network, "shifts"):
                shift = int(network.shifts[index])
                next_step = scale * step / area * 2.0**shift
                following = Requantisation(1, shift, target.high, next_step)
            else:
                following = requantisation(scale * step / (area * next_step), target.high, next_step)
            if pool:
                after = [output[0], output[1] // pool[1][0], output[2] // pool[1][1]]
        rounds.append(
            Round(name, weight, bias, scale, layer.limit, step, high, shape, output, stride, pool, following, bound)
        )
        if following:
            step, high, shape = following.step, following.high, after
    return rounds


@torch.no_grad()
def simulate(rounds: list[Round], integers: torch.Tensor) -> torch.Tensor:
    """The package's answer for quantised inputs (batch, ...): integer scores (batch, classes)."""
    x = integers.double()
    for each in rounds:
        x = linear(each.weight, each.bias, x, each.stride)
        if each.requantisation is None:
            return x
        x = x.clamp(min=0)
        if each.pool:
            kind, window = each.pool
            if kind == "average":
                x = torch.nn.functional.avg_pool2d(x, window, divisor_override=1)
            else:
                x = torch.nn.functional.max_pool2d(x, window)
        x = each.requantisation(x)
    raise ValueError("Cannot simulate: expected a last round without requantisation")


def quantise_input(values: torch.Tensor, high: int) -> torch.Tensor:
    """Inputs in [0, 1] to integers 0 .. high."""
    return torch.floor(values.double() * high + 0.5).clamp(0, high)


def simulated_accuracy(rounds: list[Round], inputs: torch.Tensor, labels: torch.Tensor) -> float:
    """Share of right answers of the integer rounds for inputs in [0, 1]."""
    parts = zip(inputs.split(500), labels.split(500))
    right = sum(
        int((simulate(rounds, quantise_input(x, rounds[0].input_high)).argmax(1) == y).sum()) for x, y in parts
    )
    return right / len(labels)


def write_onnx(
    path: Path, rounds: list[Round], name: str, labels: list[str], sensors: dict[str, Sensor] | None = None
) -> None:
    """
    The float network (opset 13): weights are integers times one scale; activations are not rounded.
    It takes sensors' readings as they are, and tells names and units in its metadata.
    """
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, tensors, current = [], [], "input"
    if sensors:
        lows = np.array([each.low for each in sensors.values()], np.float32)
        spans = np.array([each.high - each.low for each in sensors.values()], np.float32)
        tensors += [numpy_helper.from_array(lows, "input.low"), numpy_helper.from_array(spans, "input.span")]
        nodes += [
            helper.make_node("Sub", ["input", "input.low"], ["input.above"], "input.above"),
            helper.make_node("Div", ["input.above", "input.span"], ["input.share"], "input.share"),
        ]
        current = "input.share"
    for each in rounds:
        weight = (each.weight * each.weight_scale).float().numpy()
        bias = (each.bias * (each.weight_scale * each.input_step)).float().numpy()
        tensors += [
            numpy_helper.from_array(weight, f"{each.name}.weight"), numpy_helper.from_array(bias, f"{each.name}.bias"),
        ]  # fmt: skip
        dense = weight.ndim == 2
        if dense and len(each.input_shape) == 3:
            nodes.append(helper.make_node("Flatten", [current], [f"{each.name}.input"], f"{each.name}.flatten", axis=1))
            current = f"{each.name}.input"
        out = f"{each.name}.output" if each.requantisation else "scores"
        inputs = [current, f"{each.name}.weight", f"{each.name}.bias"]
        if dense:
            nodes.append(helper.make_node("Gemm", inputs, [out], each.name, transB=1))
        else:
            nodes.append(
                helper.make_node(
                    "Conv", inputs, [out], each.name, kernel_shape=list(weight.shape[2:]), strides=list(each.stride)
                )
            )
        current = out
        if each.requantisation:
            nodes.append(helper.make_node("Relu", [current], [f"{each.name}.relu"], f"{each.name}.relu"))
            current = f"{each.name}.relu"
        if each.pool:
            kind = "AveragePool" if each.pool[0] == "average" else "MaxPool"
            window = list(each.pool[1])
            nodes.append(
                helper.make_node(kind, [current], [f"{each.name}.pool"], f"{each.name}.pool", kernel_shape=window, strides=window)
            )
            current = f"{each.name}.pool"
    graph = helper.make_graph(
        nodes, name,
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", *rounds[0].input_shape])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", *rounds[-1].output_shape])],
        tensors,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="cipherlayer")
    model.ir_version = 7
    metadata = {"labels": json.dumps(labels)}
    if sensors:
        metadata["input_names"] = json.dumps(list(sensors))
        metadata["units"] = json.dumps([each.unit for each in sensors.values()], ensure_ascii=False)
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def write_quantisation(path: Path, rounds: list[Round], sensors: dict[str, Sensor] | None = None) -> None:
    """`quantisation.json`: the grid of every weight tensor and activation of the ONNX file."""
    first = rounds[0]
    scale, offset = 1 / first.input_high, 0
    if sensors:
        scale = [(each.high - each.low) / first.input_high for each in sensors.values()]
        offset = [each.low for each in sensors.values()]
    document = {
        "format": "cipherlayer-quantisation-1",
        "input": {"scale": scale, "offset": offset, "low": 0, "high": first.input_high},
        "layers": [
            {
                "node": each.name,
                "weights": f"{each.name}.weight",
                "weightLimit": each.limit,
                "weightScale": each.weight_scale,
                "accumulatorScale": each.weight_scale * each.input_step,
                "activation": each.requantisation
                and {
                    "tensor": f"{each.name}.pool" if each.pool else f"{each.name}.relu",
                    "low": 0,
                    "high": each.requantisation.high,
                    "scale": each.requantisation.step,
                    "multiplier": each.requantisation.multiplier,
                    "shift": each.requantisation.shift,
                },
            }
            for each in rounds
        ],
    }
    path.write_text(json.dumps(document, indent=2) + "\n")
