"""
Room occupancy from temperature, humidity, light and CO2 (Candanedo and Feldheim, 2016).

    python3 train.py RUN

RUN is a folder for checkpoints. Trains on datatraining.txt; its last fifth in time is
held out and chooses the checkpoint; datatest.txt and datatest2.txt are for the test.
"""

import csv
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.data import data_folder  # noqa: E402
from common.export import Sensor  # noqa: E402
from common.float_network import Layer  # noqa: E402
from common.recipe import Recipe, train_and_export  # noqa: E402

SENSORS = {
    "temperature": Sensor(15.0, 30.0, "°C"),
    "humidity": Sensor(10.0, 50.0, "%"),
    "light": Sensor(0.0, 1000.0, "lx"),
    "co2": Sensor(300.0, 2100.0, "ppm"),
}
# Of the first sensor in the files' rows: one more than in their header.
FIRST_COLUMN = 2


def read(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Readings in [0, 1], in the order of SENSORS, and labels (1: occupied)."""
    with (data_folder("occupancy") / name).open() as file:
        rows = list(csv.reader(file))[1:]
    columns = [
        (np.array([float(row[column]) for row in rows]) - sensor.low) / (sensor.high - sensor.low)
        for column, sensor in enumerate(SENSORS.values(), FIRST_COLUMN)
    ]
    inputs = np.clip(np.stack(columns, 1), 0, 1).astype(np.float32)
    return torch.from_numpy(inputs), torch.tensor([int(row[7]) for row in rows])


def light_threshold(train, tests) -> None:
    """The plain baseline: occupied if the light is above the best threshold of the training data."""
    light = list(SENSORS).index("light")
    thresholds = np.linspace(0, 1, 1001)
    best = max(thresholds, key=lambda t: float(((train[0][:, light] > t) == (train[1] == 1)).float().mean()))
    for name, (inputs, labels) in tests.items():
        print(f"baseline light > {best * 1000:.0f} lux, {name}: {float(((inputs[:, light] > best) == (labels == 1)).float().mean()):.4f}")


def jitter(inputs: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Sensors drift and seasons differ, so all but the light are blurred widely."""
    spread = torch.tensor([0.15, 0.15, 0.01, 0.1])
    return (inputs + spread * torch.randn(inputs.shape, generator=generator)).clamp(0, 1)


def main() -> None:
    inputs, labels = read("datatraining.txt")
    cut = len(inputs) * 4 // 5
    train, validation = (inputs[:cut], labels[:cut]), (inputs[cut:], labels[cut:])
    tests = {"datatest": read("datatest.txt"), "datatest2": read("datatest2.txt")}
    light_threshold(train, tests)
    recipe = Recipe(
        name="occupancy",
        layers=[Layer(16), Layer(8), Layer(2)],
        labels=["empty", "occupied"],
        input_high=255,
        limits=[31, 31, 31],
        bits=[6, 6],
        distort=jitter,
        float_epochs=30,
        quantised_epochs=20,
        dropout=0.0,
        sensors=SENSORS,
    )
    train_and_export(recipe, Path(sys.argv[1]), Path(__file__).parent, train, validation, tests)


if __name__ == "__main__":
    main()
