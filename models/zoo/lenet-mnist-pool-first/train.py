"""
The network of lenet-mnist with its pooling ahead of ReLU.

    python3 train.py RUN FLOAT_EPOCHS QUANTISED_EPOCHS

RUN is a folder for checkpoints. A 3 x 3 convolution and the mean over 2 x 2 behind it are one
4 x 4 convolution of stride 2, whose weights are trained as such. Requantisation is by shifts.
Every twelfth training image is held out; it alone chooses checkpoints.
"""

import sys
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from common.data import mnist  # noqa: E402
from common.distortion import distort  # noqa: E402
from common.float_network import Layer  # noqa: E402
from common.recipe import Part, Recipe, train_and_export  # noqa: E402


def part(name: str) -> Part:
    """Images (count, 1, 28, 28) in [0, 1] and labels."""
    images, labels = mnist(name)
    return torch.from_numpy(images.copy()).unsqueeze(1).float() / 255, torch.from_numpy(labels.copy()).long()


def main() -> None:
    images, labels = part("train")
    held_out = torch.arange(len(images)) % 12 == 0
    recipe = Recipe(
        name="lenet-mnist-pool-first",
        layers=[Layer(20, kernel=(4, 4), stride=(2, 2)), Layer(50, kernel=(4, 4), stride=(2, 2)), Layer(500), Layer(10)],
        labels=[str(digit) for digit in range(10)],
        input_high=15,
        limits=[15, 7, 1, 7],
        bits=[6, 6, 5],
        distort=lambda batch, generator: distort(batch, 0.6, generator),
        float_epochs=int(sys.argv[2]),
        quantised_epochs=int(sys.argv[3]),
        shifts_only=True,
    )
    train = images[~held_out], labels[~held_out]
    validation = images[held_out], labels[held_out]
    train_and_export(recipe, Path(sys.argv[1]), HERE, train, validation, {"test": part("t10k")})


if __name__ == "__main__":
    main()
