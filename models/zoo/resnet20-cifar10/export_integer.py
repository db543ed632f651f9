"""
Writes what the compiler reads of a fine-tuned integer ResNet-20: ONNX file and `quantisation.json`.

    python3 export_integer.py CHECKPOINT OUT

Prints the accuracy in integers on the test pictures, which is asked here only.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from common.power_of_two import ShiftedLayer  # noqa: E402
from common.training import accuracy  # noqa: E402
from integer_network import INPUT_HIGH, INPUT_LOW, INPUT_OFFSET, INPUT_SCALE, IntegerResNet, Widths, integer_start  # noqa: E402
from train import test_set, training_set  # noqa: E402

# What one unit of every activation stands for; only quotients matter.
UNIT = 2.0**-4
CELLS_SHIFT = 6  # of the mean over 8 x 8


class Graph:
    """ONNX nodes and the prescription of every round, as they are added."""

    def __init__(self):
        self.nodes, self.tensors, self.layers = [], [], []

    def add(self, kind: str, inputs: list[str], output: str, **attributes) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, [output], output, **attributes))
        return output

    def constant(self, name: str, value: torch.Tensor) -> str:
        from onnx import numpy_helper

        self.tensors.append(numpy_helper.from_array(value.detach().numpy().astype(np.float32), name))
        return name

    def linear(self, layer: ShiftedLayer, x: str, name: str, in_unit: float, accumulator: float) -> str:
        inputs = [x, self.constant(f"{name}.weight", layer.integers() * (accumulator / in_unit))]
        if layer.bias is not None:
            inputs.append(self.constant(f"{name}.bias", layer.integer_bias() * accumulator))
        if layer.weight.dim() == 2:
            return self.add("Gemm", inputs, name, transB=1)
        side = layer.weight.shape[2]
        return self.add(
            "Conv", inputs, name, kernel_shape=[side, side], strides=[layer.stride] * 2, pads=[side // 2] * 4
        )

    def prescribe(self, name: str, limit: int, accumulator: float, tensor: str | None = None, high=0, shift=0, scale=UNIT):
        activation = tensor and {
            "tensor": tensor, "low": 0, "high": high, "scale": scale, "multiplier": 1, "shift": shift,
        }  # fmt: skip
        self.layers.append({
            "node": name, "weights": f"{name}.weight", "weightLimit": limit, "weightScale": accumulator / UNIT,
            "accumulatorScale": accumulator, "activation": activation,
        })  # fmt: skip


def draw(network: IntegerResNet) -> Graph:
    """The network as a graph whose weights are integers times powers of two (and the input's scale)."""
    graph, widths = Graph(), network.widths
    x = graph.add("Sub", ["image", graph.constant("offset", torch.tensor(INPUT_OFFSET))], "centred")
    accumulator = UNIT * 2.0**-network.stem.shift
    x = graph.add("Relu", [graph.linear(network.stem, x, "stem", INPUT_SCALE, accumulator)], "stem.relu")
    graph.prescribe("stem", widths.stem, accumulator, x, network.high_of(0), network.stem.shift)
    for index, block in enumerate(network.blocks):
        name = f"block{index}"
        accumulator = UNIT * 2.0**-block.first.shift
        inner = graph.linear(block.first, x, f"{name}.first", UNIT, accumulator)
        inner = graph.add("Relu", [inner], f"{name}.first.relu")
        graph.prescribe(f"{name}.first", widths.block, accumulator, inner, block.inner, block.first.shift)
        accumulator = UNIT * 2.0**-block.second.shift
        second = graph.linear(block.second, inner, f"{name}.second", UNIT, accumulator)
        shortcut = graph.linear(block.shortcut, x, f"{name}.shortcut", UNIT, accumulator) if block.shortcut else x
        x = graph.add("Relu", [graph.add("Add", [second, shortcut], f"{name}.sum")], f"{name}.relu")
        limit = widths.projection if block.shortcut else widths.block
        if index < len(network.blocks) - 1:
            graph.prescribe(f"{name}.second", limit, accumulator, x, network.high_of(index), block.second.shift)
    x = graph.add("GlobalAveragePool", [x], "mean")
    shift = block.second.shift + CELLS_SHIFT + network.mean_shift
    mean_unit = UNIT * 2.0**network.mean_shift
    graph.prescribe(f"{name}.second", widths.block, accumulator, x, widths.mean, shift, mean_unit)
    x = graph.add("Flatten", [x], "features", axis=1)
    graph.linear(network.head, x, "scores", mean_unit, network.score_scale)
    graph.prescribe("scores", widths.head, network.score_scale)
    return graph


def write(graph: Graph, out: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    out.mkdir(parents=True, exist_ok=True)
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["samples", 3, 32, 32])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["samples", 10])
    drawn = helper.make_graph(graph.nodes, "resnet20-cifar10", [image], [scores], graph.tensors)
    model = helper.make_model(drawn, opset_imports=[helper.make_opsetid("", 13)], producer_name="cipherlayer")
    model.ir_version = 7
    onnx.checker.check_model(model)
    onnx.save(model, str(out / "resnet20-cifar10.onnx"))
    document = {
        "format": "cipherlayer-quantisation-1",
        "input": {"scale": INPUT_SCALE, "offset": INPUT_OFFSET, "low": INPUT_LOW, "high": INPUT_HIGH},
        "layers": graph.layers,
    }
    (out / "quantisation.json").write_text(json.dumps(document, indent=2) + "\n")


def main() -> None:
    checkpoint, out = Path(sys.argv[1]), Path(sys.argv[2])
    torch.set_num_threads(1)
    pictures, _ = training_set()
    # Shifts come from the start, which must read the pictures that fine_tune.py showed it.
    kept = pictures[torch.arange(len(pictures)) % 10 != 0]
    network = integer_start(HERE / "float.onnx", kept[::90] / 255, Widths())
    network.load_state_dict(torch.load(checkpoint))
    network.eval()
    print("accumulators within", [int(bound.max()) for bound in network.bounds()])
    write(draw(network), out)
    print(f"integers: {accuracy(network, *test_set()):.4f} of the test pictures")


if __name__ == "__main__":
    main()
