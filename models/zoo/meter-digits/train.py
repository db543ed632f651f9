"""
Digits of water, gas and electricity meters (20 x 32 RGB pictures, haverland's collection).

    python3 train.py RUN

RUN is a folder for checkpoints. The collection labels the position of the digit's roll in
tenths (0.0 to 9.9); the class is the digit, rounded down, as a meter is read. Pictures that
occur under two labels are dropped. Pictures of one day stay in one part (a meter is often
photographed every few minutes), those without a date are split by their content: about 70 %
to train on, 10 % to choose the checkpoint, 20 % for the test.
"""

import csv
import hashlib
import io
import re
import sys
import tarfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.data import data_folder  # noqa: E402
from common.distortion import distort  # noqa: E402
from common.float_network import Layer  # noqa: E402
from common.recipe import Recipe, train_and_export  # noqa: E402


def part_of(name: str, digest: str) -> str:
    """Part of a picture: decided by its day if the file name tells one, else by its content."""
    day = re.search(r"(20\d\d)-?(\d\d)-?(\d\d)", name)
    key = "".join(day.groups()) if day else digest
    tenth = hashlib.sha256(key.encode()).digest()[0] % 10
    return "test" if tenth < 2 else "validation" if tenth == 2 else "train"


def read() -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Pictures (count, 3, 32, 20) in [0, 1] and positions in tenths, by part; each distinct file once."""
    folder = data_folder("meter-digits")
    tenths = {row["file"]: int(row["label_tenths"]) for row in csv.DictReader((folder / "index.csv").open())}
    found, positions = {}, defaultdict(set)
    with tarfile.open(folder / "meter-digits-jpg.tar.gz") as archive:
        for member in archive:
            name = member.name.removeprefix("meter-digits/")
            if name in tenths:
                data = archive.extractfile(member).read()
                digest = hashlib.sha256(data).hexdigest()
                positions[digest].add(tenths[name])
                found.setdefault(digest, (name, data))
    parts = defaultdict(lambda: ([], []))
    for digest, (name, data) in found.items():
        if len(positions[digest]) == 1:
            pictures, labels = parts[part_of(name, digest)]
            pictures.append(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).transpose(2, 0, 1))
            labels.append(next(iter(positions[digest])))
    return {
        part: (torch.from_numpy(np.stack(pictures)).float() / 255, torch.tensor(labels))
        for part, (pictures, labels) in parts.items()
    }


def change(pictures: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Small shifts and turns, other brightness, contrast and tint. Vertical shifts stay below a tenth of the roll."""
    pictures = distort(pictures, 1.0, generator, degrees=4, scale=0.06, shear=0.05, shift_pixels=1.0, elastic_pixels=0.2)
    count = len(pictures)
    gain = 1 + 0.3 * (torch.rand(count, 1, 1, 1, generator=generator) - 0.5)
    offset = 0.3 * (torch.rand(count, 1, 1, 1, generator=generator) - 0.5)
    tint = 0.1 * (torch.rand(count, 3, 1, 1, generator=generator) - 0.5)
    return ((pictures - 0.5) * gain + 0.5 + offset + tint).clamp(0, 1)


def nearest_mean(train, test) -> float:
    """The plain baseline: the class of the nearest mean picture, brightness and contrast normalised."""

    def normalised(pictures):
        flat = pictures.mean(1).flatten(1)
        return (flat - flat.mean(1, keepdim=True)) / (flat.std(1, keepdim=True) + 1e-3)

    means = torch.stack([normalised(train[0][train[1] == digit]).mean(0) for digit in range(10)])
    return float((torch.cdist(normalised(test[0]), means).argmin(1) == test[1]).float().mean())


def main() -> None:
    tenths = read()
    parts = {part: (pictures, position // 10) for part, (pictures, position) in tenths.items()}
    pictures, position = tenths["test"]
    inside = (position % 10 >= 2) & (position % 10 <= 7)
    tests = {"test": parts["test"], "testBetween.2And.7": (pictures[inside], position[inside] // 10)}
    print({part: len(labels) for part, (_, labels) in parts.items()}, "pictures")
    print(f"baseline nearest mean: {nearest_mean(parts['train'], parts['test']):.4f}")
    recipe = Recipe(
        name="meter-digits",
        layers=[
            Layer(16, kernel=(3, 3), pool=("average", (2, 2))),
            Layer(32, kernel=(3, 3), pool=("average", (2, 2))),
            Layer(64),
            Layer(10),
        ],
        labels=[str(digit) for digit in range(10)],
        input_high=31,
        limits=[15, 7, 3, 31],
        bits=[6, 6, 6],
        distort=change,
        float_epochs=30,
        quantised_epochs=12,
    )
    train_and_export(recipe, Path(sys.argv[1]), Path(__file__).parent, parts["train"], parts["validation"], tests)


if __name__ == "__main__":
    main()
