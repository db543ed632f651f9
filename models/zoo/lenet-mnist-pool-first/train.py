"""
LeNet of lenet-mnist with its pooling ahead of ReLU, on the same images and parts.

    python3 train.py RUN

RUN is a folder for checkpoints. A 3 x 3 convolution and the mean over 2 x 2 behind it are one
4 x 4 convolution of stride 2, whose weights are trained as such: they start as what the network of
lenet-mnist would have, and its answers on distorted images teach them. Requantisation is by shifts;
accumulators are held within few bits, since each costs a gate in a sealed inference.
"""

import importlib.util
import sys
from pathlib import Path

import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from common.distortion import distort  # noqa: E402
from common.export import integer_rounds, simulated_accuracy, write_onnx, write_quantisation  # noqa: E402
from common.float_network import Layer, quantised_network  # noqa: E402
from common.quantised import activate, linear  # noqa: E402
from common.training import fine_tuning_optimiser, fit, join_logs  # noqa: E402

specification = importlib.util.spec_from_file_location("lenet_mnist", HERE.parent / "lenet-mnist" / "train.py")
lenet_mnist = importlib.util.module_from_spec(specification)
specification.loader.exec_module(lenet_mnist)

NAME = "lenet-mnist-pool-first"
NODES = ["conv1", "conv2", "dense1", "dense2"]
LAYERS = [Layer(20, kernel=(4, 4), stride=(2, 2)), Layer(50, kernel=(4, 4), stride=(2, 2)), Layer(500), Layer(10)]
LIMITS = [15, 7, 1, 7]
BITS = [4, 4, 4]
# Of the convolutions' accumulators: 11 and 13 bits with their sign.
BOUNDS = [1000, 4000, 1e9, 1e9]
ZEROS = 0.93  # of the ternary dense layer
EPOCHS = 30
BATCH = 128


def open_network() -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Weights and biases of lenet-mnist."""
    graph = onnx.load(HERE.parent / "lenet-mnist" / "lenet-mnist.onnx").graph
    tensors = {each.name: torch.from_numpy(numpy_helper.to_array(each).copy()) for each in graph.initializer}
    return [(tensors[f"{node}.weight"], tensors[f"{node}.bias"]) for node in NODES]


@torch.no_grad()
def open_answers(layers: list[tuple[torch.Tensor, torch.Tensor]], x: torch.Tensor) -> torch.Tensor:
    """Logits of lenet-mnist for inputs in [0, 1]."""
    for (weight, bias), layer in zip(layers[:-1], lenet_mnist.LAYERS):
        x = activate(linear(weight, bias, x, 1), layer.pool)
    return linear(*layers[-1], x, 1)


def pooled(kernel: torch.Tensor) -> torch.Tensor:
    """The kernel of stride 2 that computes the mean over 2 x 2 of what `kernel` computes."""
    return sum(F.pad(kernel, (x, 1 - x, y, 1 - y)) for x in (0, 1) for y in (0, 1)) / 4


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(1)
    run = Path(sys.argv[1])
    teacher = open_network()
    weights = [pooled(weight) if weight.dim() == 4 else weight for weight, _ in teacher]
    images, labels = lenet_mnist.training_split()
    sample = images[::55].float() / 255
    biases = [bias for _, bias in teacher]
    network = quantised_network(LAYERS, weights, biases, LIMITS, BITS, lenet_mnist.INPUT_HIGH, sample, shifts_only=True)

    def batches(epoch: int):
        generator = torch.Generator().manual_seed(epoch)
        strength = min(1.0, max(0.1, (EPOCHS - epoch - 1) / (0.25 * EPOCHS)))
        for chosen in torch.randperm(len(images), generator=generator).split(BATCH)[:-1]:
            x = distort(images[chosen].float() / 255, strength, generator)
            yield x, labels[chosen], open_answers(teacher, x)

    validation = lenet_mnist.validation_split()
    fit(
        network, run, EPOCHS, batches, fine_tuning_optimiser(network, 5e-4), validation, 0.999,
        lambda each: lenet_mnist.excess(each, BOUNDS), lambda each, _: each.layers[2].set_sparsity(ZEROS),
    )  # fmt: skip
    network.load_state_dict(torch.load(run / "best.pt"))
    rounds = integer_rounds(network, NODES, [1, 28, 28])
    print(f"{NAME} validation: {simulated_accuracy(rounds, *validation):.4f}")
    test_images, test_labels = lenet_mnist.bytes_and_labels("t10k")
    print(f"{NAME} test: {simulated_accuracy(rounds, test_images.float() / 255, test_labels):.4f}")
    for each in rounds:
        print(f"{each.name}: {tuple(each.weight.shape)}, accumulators within {each.bound}")
    names = [str(digit) for digit in range(10)]
    (HERE / "labels.txt").write_text("".join(f"{name}\n" for name in names))
    write_onnx(HERE / f"{NAME}.onnx", rounds, NAME, names)
    write_quantisation(HERE / "quantisation.json", rounds)
    join_logs(HERE / "training-log.csv", {"quantised": run})


if __name__ == "__main__":
    main()
