"""The whole way of a small network: float training, quantisation-aware fine-tuning, export."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from .export import Sensor, integer_rounds, simulated_accuracy, write_onnx, write_quantisation
from .float_network import FloatNetwork, Layer, quantised_network
from .training import accuracy, fine_tuning_optimiser, fit, join_logs

Part = tuple[torch.Tensor, torch.Tensor]
BATCH = 128


@dataclass
class Recipe:
    """
    name: of the model. layers: of the network. input_high: inputs in [0, 1] become integers 0 .. input_high.
    limits: largest integer weight of each layer. bits: of each hidden activation.
    distort: changes a batch of training inputs without changing its labels.
    """

    name: str
    layers: list[Layer]
    labels: list[str]
    input_high: int
    limits: list[int]
    bits: list[int]
    distort: Callable[[torch.Tensor, torch.Generator], torch.Tensor]
    float_epochs: int
    quantised_epochs: int
    dropout: float = 0.2
    shifts_only: bool = False  # requantisation by powers of two
    weights: torch.Tensor | None = None  # of each training sample, to balance classes
    sensors: dict[str, Sensor] | None = None  # of a vector of readings: the model takes them as they are


def train_and_export(recipe: Recipe, run: Path, folder: Path, train: Part, validation: Part, test: dict[str, Part]) -> None:
    """
    Trains with checkpoints in `run`; writes the ONNX file, `quantisation.json`,
    `labels.txt` and `training-log.csv` to `folder`; prints the accuracies. Inputs in [0, 1].
    """
    torch.set_num_threads(1)
    torch.manual_seed(1)
    inputs, labels = train

    def batches(epoch: int):
        generator = torch.Generator().manual_seed(epoch)
        if recipe.weights is None:
            order = torch.randperm(len(inputs), generator=generator)
        else:
            order = torch.multinomial(recipe.weights, len(inputs), replacement=True, generator=generator)
        for chosen in order.split(BATCH):
            if len(chosen) == BATCH:
                yield recipe.distort(inputs[chosen], generator), labels[chosen], None

    shape = tuple(inputs.shape[1:])
    network = FloatNetwork(shape, recipe.layers, recipe.dropout)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4)
    fit(network, run / "float", recipe.float_epochs, batches, optimiser, validation)
    network.load_state_dict(torch.load(run / "float" / "best.pt"))

    sample = inputs[:: max(1, len(inputs) // 1000)]
    quantised = quantised_network(
        recipe.layers, *network.folded(), recipe.limits, recipe.bits, recipe.input_high, sample, recipe.shifts_only
    )
    fit(quantised, run / "quantised", recipe.quantised_epochs, batches, fine_tuning_optimiser(quantised, 5e-4), validation)
    quantised.load_state_dict(torch.load(run / "quantised" / "best.pt"))

    names = [f"{'conv' if layer.kernel else 'dense'}{index + 1}" for index, layer in enumerate(recipe.layers)]
    rounds = integer_rounds(quantised, names, list(shape))
    for part, data in {"validation": validation, **test}.items():
        integers = simulated_accuracy(rounds, *data)
        print(f"{recipe.name} {part}: float {accuracy(network, *data):.4f}, integers {integers:.4f}")
    for each in rounds:
        print(f"{each.name}: {tuple(each.weight.shape)}, accumulators within {each.bound}")
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in recipe.labels))
    write_onnx(folder / f"{recipe.name}.onnx", rounds, recipe.name, recipe.labels, recipe.sensors)
    write_quantisation(folder / "quantisation.json", rounds, recipe.sensors)
    join_logs(folder / "training-log.csv", {"float": run / "float", "quantised": run / "quantised"})
