"""
Writes what the compiler reads of a finished training: the ONNX file and the labels into this folder,
calibration readings into the training's. Prints the accuracy in floating point.

python3 models/zoo/resnet20-cifar10/export.py --run FOLDER
"""

import argparse
import csv
import shutil
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common.data import data_folder
from common.training import accuracy
from network import ResNet20
from train import test_set, training_set

CALIBRATION_READINGS = 512


def approximate_test_images() -> set[int]:
    """Test images that the data set holds only as JPEG decoded (SOURCES.md beside it)."""
    with (data_folder("cifar10") / "approximate-images.csv").open() as file:
        return {int(row["index"]) for row in csv.DictReader(file) if row["file"].startswith("test")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder of the training")
    run = parser.parse_args().run
    folder = Path(__file__).resolve().parent

    network = ResNet20()
    network.load_state_dict(torch.load(run / "last.pt"))
    network.eval()

    pictures, labels = training_set()
    step = len(pictures) // CALIBRATION_READINGS
    np.save(run / "calibration.npy", (pictures[::step][:CALIBRATION_READINGS] / 255).numpy())
    names = (data_folder("cifar10") / "batches.meta.txt").read_text().split()
    (folder / "labels.txt").write_text("".join(f"{name}\n" for name in names))
    torch.onnx.export(
        network, torch.zeros(1, 3, 32, 32), str(folder / "float.onnx"), opset_version=13,
        input_names=["image"], output_names=["scores"], dynamic_axes={"image": {0: "samples"}, "scores": {0: "samples"}},
    )  # fmt: skip
    shutil.copy(run / "log.csv", folder / "training-log.csv")

    inputs, classes = test_set()
    lossless = torch.ones(len(classes), dtype=torch.bool)
    lossless[list(approximate_test_images())] = False
    print(f"float: {accuracy(network, inputs, classes):.4f} of all {len(classes)} test images")
    print(f"float: {accuracy(network, inputs[lossless], classes[lossless]):.4f} of the {int(lossless.sum())} lossless ones")


if __name__ == "__main__":
    main()
