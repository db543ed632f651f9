"""
Quantisation-aware fine-tuning of the integer ResNet-20, from the float network of this folder.

    python3 fine_tune.py RUN [--epochs 30]

Starts again where it stopped. Every tenth training picture is held out and chooses checkpoints; the
float network had seen all 50,000, so that its accuracy on them says little in absolute terms. The
float network teaches, its scores of each of `VIEWS` crops of a picture and of their mirror images added.
"""

import argparse
import sys
from pathlib import Path

import torch
import torch.nn.functional as F

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from common.training import fine_tuning_optimiser, fit  # noqa: E402
from integer_network import IntegerResNet, Widths, integer_start, read_float  # noqa: E402
from train import BATCH, MARGIN, SIDE, training_set  # noqa: E402

VIEWS = 5
# Slots of 16 bits hold accumulators within 32,767; the rest is room for what averaging and rounding add.
BOUND = 30500


class Teacher:
    """The float network: mean scores of pictures (in [0, 1]) and of their mirror images."""

    def __init__(self, path: Path):
        self.stem, self.blocks, self.head = read_float(path)

    def scores(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem((x - 0.5) * 4).relu()
        for block in self.blocks:
            _, x = block.run(x)
        return F.linear(x.mean((2, 3)), self.head.weight, self.head.bias)

    @torch.no_grad()
    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            x = x.contiguous(memory_format=torch.channels_last)
            return (self.scores(x) + self.scores(x.flip(3))).float() / 2


def crops(padded: torch.Tensor, chosen: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    """Crops (count, 3, SIDE, SIDE) in [0, 1] of padded pictures (count, height, width, 3) at offsets (count, 2)."""
    rows = offsets[:, :1] + torch.arange(SIDE)
    columns = offsets[:, 1:] + torch.arange(SIDE)
    return padded[chosen[:, None, None], rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2) / 255


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--rate", type=float, default=0.01)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)

    pictures, labels = training_set()
    held_out = torch.arange(len(labels)) % 10 == 0
    validation = pictures[held_out] / 255, labels[held_out]
    pictures, labels = pictures[~held_out], labels[~held_out]
    padded = F.pad(pictures.float(), [MARGIN] * 4, mode="reflect").byte().permute(0, 2, 3, 1).contiguous()
    offsets = torch.randint(0, 2 * MARGIN + 1, (VIEWS, len(labels), 2), generator=torch.Generator().manual_seed(5))

    source = HERE / "float.onnx"
    options.run.mkdir(parents=True, exist_ok=True)
    stored = options.run / "teacher.pt"
    if not stored.exists():
        teacher, everything = Teacher(source), torch.arange(len(labels))
        views = [[teacher(crops(padded, c, o[c])) for c in everything.split(250)] for o in offsets]
        torch.save(torch.stack([torch.cat(view) for view in views]), stored)
    logits = torch.load(stored)

    def batches(epoch: int):
        random = torch.Generator().manual_seed(epoch)
        for chosen in torch.randperm(len(labels), generator=random).split(BATCH)[:-1]:
            view = torch.randint(0, VIEWS, (BATCH,), generator=random)
            flip = torch.rand(BATCH, generator=random) < 0.5
            x = crops(padded, chosen, offsets[view, chosen])
            yield torch.where(flip.view(-1, 1, 1, 1), x.flip(3), x), labels[chosen], logits[view, chosen]

    def schedule(network: IntegerResNet, _progress: float) -> None:
        network.keep_within(BOUND)

    network = integer_start(source, pictures[::90] / 255, Widths())
    optimiser = fine_tuning_optimiser(network, options.rate)
    fit(network, options.run, options.epochs, batches, optimiser, validation, 0.998, schedule=schedule)


if __name__ == "__main__":
    main()
