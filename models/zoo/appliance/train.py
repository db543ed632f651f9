"""
Which household appliance runs? From one hour of power readings (tracebase, 12 kinds).

    python3 train.py RUN

RUN is a folder for checkpoints. A sample is one hour of 15-second means, as
log(1 + watts) / log(1 + 3000), in which the appliance is on at some time. About a third of
the devices of every kind is for the test, so it asks for appliances never seen in training;
the last day of every training device that has several chooses the checkpoint.
"""

import math
import re
import sys
import tarfile
from collections import defaultdict
from datetime import datetime
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common.data import data_folder  # noqa: E402
from common.float_network import Layer  # noqa: E402
from common.recipe import Recipe, train_and_export  # noqa: E402

SECONDS, POINTS, HIGHEST_WATTS = 15, 240, 3000
ON_WATTS, STRIDE = 1.5, 20  # a sample starts every 5 minutes


def day_on_grid(text: str) -> np.ndarray:
    """Mean watts for every 15 seconds of a day file; NaN where it holds no reading."""
    sums, counts = np.zeros(86400 // SECONDS), np.zeros(86400 // SECONDS)
    clocks: dict[str, int] = {}
    for line in text.splitlines():
        fields = line.split(";")
        if len(fields) < 2 or not fields[1]:
            continue
        minute = fields[0][11:16]
        if minute not in clocks:
            at = datetime.strptime(minute, "%H:%M")
            clocks[minute] = (at.hour * 60 + at.minute) * 60
        slot = (clocks[minute] + int(fields[0][17:19])) // SECONDS
        sums[slot] += float(fields[1])
        counts[slot] += 1
    with np.errstate(invalid="ignore"):
        return sums / counts


def hours(day: np.ndarray) -> list[np.ndarray]:
    """Hours of the day in which the appliance is on; up to a minute without reading keeps the value before."""
    filled = day.copy()
    for slot in range(1, len(filled)):
        if math.isnan(filled[slot]) and not np.isnan(day[max(0, slot - 4) : slot]).all():
            filled[slot] = filled[slot - 1]
    found = []
    for start in range(0, len(filled) - POINTS + 1, STRIDE):
        hour = filled[start : start + POINTS]
        if not np.isnan(hour).any() and (hour > ON_WATTS).sum() >= 4:
            found.append(np.log1p(np.minimum(hour, HIGHEST_WATTS)) / math.log1p(HIGHEST_WATTS))
    return found


def read() -> tuple[list[str], dict[str, tuple[torch.Tensor, torch.Tensor]]]:
    """Kinds of appliances, and samples (count, 1, 1, POINTS) with kinds by part."""
    days = defaultdict(lambda: defaultdict(dict))
    with tarfile.open(data_folder("tracebase") / "tracebase-subset.tar.xz") as archive:
        for member in archive:
            match = re.search(r"tracebase/([^/]+)/dev_(\w+)_([\d.]+)\.csv$", member.name)
            if match:
                kind, device, day = match.groups()
                days[kind][device][day] = hours(day_on_grid(archive.extractfile(member).read().decode()))
    kinds = sorted(days)
    parts = defaultdict(lambda: ([], []))
    for label, kind in enumerate(kinds):
        devices = sorted(days[kind])
        tested = devices[2::3]
        for device in devices:
            dates = sorted(days[kind][device])
            for date in dates:
                last = date == dates[-1] and len(dates) > 1
                samples, labels = parts["test" if device in tested else "validation" if last else "train"]
                samples.extend(days[kind][device][date])
                labels.extend([label] * len(days[kind][device][date]))
    return kinds, {
        part: (torch.tensor(np.stack(samples), dtype=torch.float32).view(-1, 1, 1, POINTS), torch.tensor(labels))
        for part, (samples, labels) in parts.items()
    }


def change(samples: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Appliances of up to about a quarter more or less power, and a little noise; the standby reading varies too."""
    watts = torch.expm1(samples * math.log1p(HIGHEST_WATTS))
    gain = torch.exp(0.25 * torch.randn(len(samples), 1, 1, 1, generator=generator))
    watts = (watts * gain + 0.3 * torch.randn(samples.shape, generator=generator)).clamp(0, HIGHEST_WATTS)
    return torch.log1p(watts) / math.log1p(HIGHEST_WATTS)


def nearest_mean(train, test, kinds: int) -> float:
    """The plain baseline: nearest mean of (mean, maximum, spread, share of time on), standardised."""

    def features(samples):
        flat = samples.flatten(1)
        return torch.stack([flat.mean(1), flat.amax(1), flat.std(1), (flat > 0.15).float().mean(1)], 1)

    known = features(train[0])
    centre, spread = known.mean(0), known.std(0)
    means = torch.stack([((known[train[1] == kind] - centre) / spread).mean(0) for kind in range(kinds)])
    return float((torch.cdist((features(test[0]) - centre) / spread, means).argmin(1) == test[1]).float().mean())


def balanced(part) -> torch.Tensor:
    """Weights that give every kind the same share."""
    return 1 / torch.bincount(part[1]).float()[part[1]]


def even(part, generator: torch.Generator):
    """The same number of samples of every kind, so that accuracy is the mean over kinds."""
    least = int(torch.bincount(part[1]).min())
    chosen = [
        torch.nonzero(part[1] == kind).flatten()[torch.randperm(int((part[1] == kind).sum()), generator=generator)[:least]]
        for kind in range(int(part[1].max()) + 1)
    ]
    chosen = torch.cat(chosen)
    return part[0][chosen], part[1][chosen]


def main() -> None:
    kinds, parts = read()
    for part, (_, labels) in parts.items():
        print(part, dict(zip(kinds, torch.bincount(labels, minlength=len(kinds)).tolist())))
    generator = torch.Generator().manual_seed(0)
    test, validation = even(parts["test"], generator), even(parts["validation"], generator)
    print(f"{len(test[1])} test samples, baseline nearest mean: {nearest_mean(parts['train'], test, len(kinds)):.4f}")
    recipe = Recipe(
        name="appliance",
        layers=[
            Layer(16, kernel=(1, 9), pool=("max", (1, 4))),
            Layer(24, kernel=(1, 5), pool=("max", (1, 3))),
            Layer(48),
            Layer(len(kinds)),
        ],
        labels=kinds,
        input_high=127,
        limits=[15, 15, 7, 31],
        bits=[6, 6, 6],
        distort=change,
        float_epochs=14,
        quantised_epochs=6,
        dropout=0.4,
        weights=balanced(parts["train"]),
    )
    train_and_export(recipe, Path(sys.argv[1]), Path(__file__).parent, parts["train"], validation, {"test": test})


if __name__ == "__main__":
    main()
