"""
Trains the LeNet of the paper on MNIST, in stages (each resumes where it stopped):

    python3 train.py teacher  RUN --seed 1          a wider network, for distillation
    python3 train.py distil   RUN --teachers A B    distorted images with the teachers' answers, on disk
    python3 train.py float    RUN --distilled C     the network itself, in floating point
    python3 train.py quantise RUN --start FILE      quantisation-aware fine-tuning
    python3 train.py export   RUN --out FOLDER      ONNX file, quantisation.json, accuracies

RUN is a folder for checkpoints. Every twelfth training image is held out (5,000 of
60,000); it alone chooses stages and checkpoints. `export` alone reads the test images.
"""

import argparse
import math
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.data import mnist  # noqa: E402
from common.distortion import distort  # noqa: E402
from common.export import integer_rounds, simulated_accuracy, write_onnx, write_quantisation  # noqa: E402
from common.float_network import FloatNetwork, Layer, quantised_network  # noqa: E402
from common.quantised import QuantisedNetwork  # noqa: E402
from common.training import fine_tuning_optimiser, fit  # noqa: E402

BATCH = 128
INPUT_HIGH = 15
LAYERS = [
    Layer(20, kernel=(3, 3), pool=("average", (2, 2))),
    Layer(50, kernel=(3, 3), pool=("average", (2, 2))),
    Layer(500),
    Layer(10),
]


class Teacher(nn.Module):
    """A convolutional network of eight layers, about eight times the arithmetic of the LeNet."""

    def __init__(self):
        super().__init__()

        def block(inputs, outputs, kernel, stride=1):
            return [
                nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2 if stride > 1 else 0, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(inplace=True),
            ]

        self.features = nn.Sequential(
            *block(1, 32, 3), *block(32, 32, 3), *block(32, 32, 5, 2), nn.Dropout(0.3),
            *block(32, 64, 3), *block(64, 64, 3), *block(64, 64, 5, 2), nn.Dropout(0.3),
        )  # fmt: skip
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(1024, 128, bias=False), nn.BatchNorm1d(128), nn.ReLU(), nn.Dropout(0.3),
            nn.Linear(128, 10),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x))


def bytes_and_labels(part: str) -> tuple[torch.Tensor, torch.Tensor]:
    images, labels = mnist(part)
    return torch.from_numpy(images.copy()).unsqueeze(1), torch.from_numpy(labels.astype(np.int64))


def training_split() -> tuple[torch.Tensor, torch.Tensor]:
    """Images to train on, as bytes, and labels."""
    images, labels = bytes_and_labels("train")
    kept = torch.arange(len(images)) % 12 != 0
    return images[kept], labels[kept]


def validation_split() -> tuple[torch.Tensor, torch.Tensor]:
    """The images held out, in [0, 1], and labels."""
    images, labels = bytes_and_labels("train")
    return images[::12].float() / 255, labels[::12]


def plain_batches(options):
    """Freshly distorted batches; the distortion fades over the last quarter of the training."""
    images, labels = training_split()

    def batches(epoch: int):
        generator = torch.Generator().manual_seed(options.seed * 1000 + epoch)
        remaining = (options.epochs - epoch - 1) / (0.25 * options.epochs)
        strength = options.strength * min(1.0, max(options.least, remaining))
        for chosen in torch.randperm(len(images), generator=generator).split(BATCH)[:-1]:
            yield distort(images[chosen].float() / 255, strength, generator), labels[chosen], None

    return batches


def distilled_batches(options):
    """Epochs that `distil` stored, in turn."""
    labels = training_split()[1]

    def batches(epoch: int):
        files = sorted(Path(options.distilled).glob("epoch-*.npz"))
        if not files:
            raise FileNotFoundError(f"Cannot train: expected epoch-*.npz in {options.distilled}")
        stored = np.load(files[(epoch + options.offset) % len(files)])
        images, logits = torch.from_numpy(stored["images"]), torch.from_numpy(stored["logits"])
        generator = torch.Generator().manual_seed(options.seed * 1000 + epoch)
        for chosen in torch.randperm(len(images), generator=generator).split(BATCH)[:-1]:
            yield images[chosen].unsqueeze(1).float() / 255, labels[chosen], logits[chosen].float()

    return batches


def train_teacher(options) -> None:
    torch.manual_seed(options.seed)
    model = Teacher().to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    fit(model, Path(options.run), options.epochs, plain_batches(options), optimiser, validation_split())


@torch.no_grad()
def distil(options) -> None:
    """Writes epochs of distorted images with the mean logits of the teachers, in the order of the training split."""
    folder = Path(options.run)
    folder.mkdir(parents=True, exist_ok=True)
    teachers = []
    for path in options.teachers:
        teacher = Teacher().to(memory_format=torch.channels_last)
        teacher.load_state_dict(torch.load(Path(path) / "last.pt"))
        teachers.append(teacher.eval())
    images, _ = training_split()
    for epoch in range(options.offset, options.offset + options.epochs):
        path = folder / f"epoch-{epoch:03d}.npz"
        if path.exists():
            continue
        generator = torch.Generator().manual_seed(777000 + epoch)
        stored, logits = [], []
        for part in images.split(250):
            x = (distort(part.float() / 255, options.strength, generator) * 255).round().clamp(0, 255)
            stored.append(x.to(torch.uint8).squeeze(1).numpy())
            logits.append(sum(teacher(x / 255) for teacher in teachers).numpy() / len(teachers))
        np.savez(folder / "part.npz", images=np.concatenate(stored), logits=np.concatenate(logits).astype(np.float16))
        (folder / "part.npz").rename(path)


def train_float(options) -> None:
    torch.manual_seed(options.seed)
    model = FloatNetwork((1, 28, 28), LAYERS, dropout=0.2).to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=2e-4)
    batches = distilled_batches(options) if options.distilled else plain_batches(options)
    fit(model, Path(options.run), options.epochs, batches, optimiser, validation_split())


def start_from_onnx(path: Path) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Folded weights of a float ONNX file of this network whose dense layer has its normalisation apart."""
    import onnx
    from onnx import numpy_helper

    tensors = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in onnx.load(path).graph.initializer}
    convolutions = [t for name, t in tensors.items() if name.startswith("onnx::Conv")]
    kernels = sorted((t for t in convolutions if t.dim() == 4), key=len)
    offsets = sorted((t for t in convolutions if t.dim() == 1), key=len)
    dense = next(t for name, t in tensors.items() if name.startswith("onnx::MatMul")).T
    gain = tensors["b3.weight"] / torch.sqrt(tensors["b3.running_var"] + 1e-5)
    return (
        [*kernels, (dense * gain[:, None]).contiguous(), tensors["f2.weight"]],
        [*offsets, tensors["b3.bias"] - tensors["b3.running_mean"] * gain, tensors["f2.bias"]],
    )


def quantised_start(options) -> QuantisedNetwork:
    """The quantised network before fine-tuning, from float weights (.onnx or a checkpoint of `float`)."""
    if options.start.endswith(".onnx"):
        weights, biases = start_from_onnx(Path(options.start))
    else:
        trained = FloatNetwork((1, 28, 28), LAYERS, dropout=0.0)
        trained.load_state_dict(torch.load(options.start))
        weights, biases = trained.folded()
    sample = training_split()[0][::55].float() / 255
    return quantised_network(LAYERS, weights, biases, options.limits, options.activations, INPUT_HIGH, sample)


def excess(network: QuantisedNetwork, bounds: list[float]) -> torch.Tensor:
    """Grows where a round's accumulators leave their bound."""
    steps = [network.input_step, *[step.step for step in network.steps]]
    highs = [INPUT_HIGH, *[step.high for step in network.steps]]
    rounds = zip(network.layers, steps, highs, bounds)
    return sum(F.relu(layer.bounds(step.detach(), high) / bound - 1).sum() for layer, step, high, bound in rounds)


def go_on_from(network: QuantisedNetwork, options) -> None:
    """Loads the weights of a quantised run; where that had wider integers, scales and steps grow to match."""
    state = torch.load(options.initial)
    for index, (before, now) in enumerate(zip(options.initial_limits or options.limits, options.limits)):
        state[f"layers.{index}.log_scale"] += math.log(before / now)
    for index, (before, now) in enumerate(zip(options.initial_activations or options.activations, options.activations)):
        state[f"steps.{index}.log_step"] += math.log((2**before - 1) / (2**now - 1))
    network.load_state_dict(state)


def train_quantised(options) -> None:
    torch.manual_seed(options.seed)
    model = quantised_start(options)
    if options.initial:
        go_on_from(model, options)

    def schedule(network: QuantisedNetwork, progress: float) -> None:
        """Zeros of the wide dense layer: up to the target over the first half of the training."""
        first, last = options.zeros
        network.layers[2].set_sparsity(first + (last - first) * min(1.0, 2 * progress))

    batches = distilled_batches(options) if options.distilled else plain_batches(options)
    optimiser = fine_tuning_optimiser(model, options.rate)
    fit(
        model, Path(options.run), options.epochs, batches, optimiser, validation_split(), 0.999,
        lambda network: excess(network, options.bounds), schedule,
    )  # fmt: skip


def export(options) -> None:
    network = quantised_start(options)
    network.load_state_dict(torch.load(Path(options.run) / f"{options.checkpoint}.pt"))
    rounds = integer_rounds(network, ["conv1", "conv2", "dense1", "dense2"], [1, 28, 28])
    validation = simulated_accuracy(rounds, *validation_split())
    print(f"validation {validation:.4f}")
    for each in rounds:
        zeros = float((each.weight == 0).double().mean())
        print(f"{each.name}: weights within {int(each.weight.abs().max())}, {zeros:.0%} zero, accumulators within {each.bound}")
    if options.out:
        images, labels = bytes_and_labels("t10k")
        print(f"test {simulated_accuracy(rounds, images.float() / 255, labels):.4f}")
        out = Path(options.out)
        out.mkdir(parents=True, exist_ok=True)
        write_onnx(out / "lenet-mnist.onnx", rounds, "lenet-mnist")
        write_quantisation(out / "quantisation.json", rounds)


def main() -> None:
    stages = {
        "teacher": train_teacher, "distil": distil, "float": train_float, "quantise": train_quantised, "export": export,
    }  # fmt: skip
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=list(stages))
    parser.add_argument("run", help="folder for checkpoints")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--strength", type=float, default=1.0, help="of the distortions")
    parser.add_argument("--least", type=float, default=0.1, help="share of it left at the end")
    parser.add_argument("--teachers", nargs="*", default=[], help="folders of teacher runs")
    parser.add_argument("--distilled", help="folder written by distil")
    parser.add_argument("--offset", type=int, default=0, help="first of the distilled epochs")
    parser.add_argument("--start", help="float weights: .onnx, or a checkpoint of a float run")
    parser.add_argument("--initial", help="checkpoint of a quantised run to go on from")
    parser.add_argument("--initial-limits", type=int, nargs=4, help="limits of that run, where others")
    parser.add_argument("--initial-activations", type=int, nargs=3, help="its bits after each hidden layer, where others")
    parser.add_argument("--zeros", type=float, nargs=2, default=[0.6, 0.87], help="shares of zeros in the wide dense layer, first and last")
    parser.add_argument("--rate", type=float, default=5e-4, help="peak learning rate of the fine-tuning")
    parser.add_argument("--limits", type=int, nargs=4, default=[15, 7, 1, 31], help="largest weight of each layer")
    parser.add_argument("--activations", type=int, nargs=3, default=[6, 6, 6], help="bits after each hidden layer")
    # Below a power of two with room for noise. The first round's 169 tiles fit a 2048-bit plaintext at 11 bits.
    parser.add_argument("--bounds", type=float, nargs=4, default=[1000, 1e9, 1e9, 1e9], help="of each round's accumulators")
    parser.add_argument("--checkpoint", choices=["best", "last"], default="last")
    parser.add_argument("--out", help="folder for the ONNX file and quantisation.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    stages[options.stage](options)


if __name__ == "__main__":
    main()
