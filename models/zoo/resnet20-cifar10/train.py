"""
Trains ResNet-20 on the 50,000 training images of CIFAR-10 and writes the ONNX file.

The last averaged weights are taken; the accuracy on every tenth test image is only logged,
nothing is chosen by it.
Early epochs see smaller pictures, which cost less and serve as well:
python3 models/zoo/resnet20-cifar10/train.py --run FOLDER   (starts again where it stopped)
"""

import argparse
import gzip
import lzma
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common.data import data_folder
from common.training import fit
from network import ResNet20

BATCH = 128
SIDE = 32
MARGIN = 4


def side_of(progress: float) -> int:
    """Side of the training pictures after this share of the epochs."""
    return 20 if progress < 0.3 else 24 if progress < 0.55 else SIDE


def records(raw: bytes) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures (count, 3, 32, 32) as bytes and labels of a CIFAR-10 file in its binary layout."""
    rows = np.frombuffer(raw, np.uint8).reshape(-1, 1 + 3 * SIDE * SIDE)
    return torch.from_numpy(rows[:, 1:].reshape(-1, 3, SIDE, SIDE).copy()), torch.from_numpy(rows[:, 0].astype(np.int64))


def training_set() -> tuple[torch.Tensor, torch.Tensor]:
    folder = data_folder("cifar10")
    parts = [records(lzma.decompress((folder / f"data_batch_{part}.bin.xz").read_bytes())) for part in range(1, 6)]
    return torch.cat([pictures for pictures, _ in parts]), torch.cat([labels for _, labels in parts])


def test_set() -> tuple[torch.Tensor, torch.Tensor]:
    pictures, labels = records(gzip.decompress((data_folder("cifar10") / "test_batch.bin.gz").read_bytes()))
    return pictures / 255, labels


def augmented(padded: torch.Tensor, chosen: torch.Tensor, flip: torch.Tensor, side: int, random: torch.Generator) -> torch.Tensor:
    """Crops of SIDE x SIDE at random places of the padded pictures, in [0, 1], scaled to `side`."""
    count = len(chosen)
    rows = torch.randint(0, 2 * MARGIN + 1, (count, 1), generator=random) + torch.arange(SIDE)
    columns = torch.randint(0, 2 * MARGIN + 1, (count, 1), generator=random) + torch.arange(SIDE)
    columns = torch.where(flip[:, None], columns.flip(1), columns)
    crops = padded[chosen[:, None, None], rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2) / 255
    return crops if side == SIDE else F.interpolate(crops, (side, side), mode="bilinear", antialias=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder of checkpoints and log")
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)

    pictures, labels = training_set()
    padded = F.pad(pictures.float(), [MARGIN] * 4, mode="reflect").byte().permute(0, 2, 3, 1).contiguous()
    mirrored = torch.rand(len(labels), generator=torch.Generator().manual_seed(7)) < 0.5

    def batches(epoch: int):
        random = torch.Generator().manual_seed(epoch)
        order = torch.randperm(len(labels), generator=random)
        for chosen in order.split(BATCH):
            if len(chosen) == BATCH:
                # Alternating flips: every picture is seen both ways in any two epochs in a row.
                flip = mirrored[chosen] ^ bool(epoch % 2)
                yield augmented(padded, chosen, flip, side_of(epoch / arguments.epochs), random), labels[chosen], None

    network = ResNet20()
    decayed = [p for p in network.parameters() if p.dim() > 1]
    others = [p for p in network.parameters() if p.dim() <= 1]
    optimiser = torch.optim.SGD(
        [{"params": decayed, "weight_decay": 5e-4}, {"params": others, "weight_decay": 0}],
        lr=0.2, momentum=0.9, nesterov=True,
    )  # fmt: skip
    fit(network, arguments.run, arguments.epochs, batches, optimiser, tuple(part[::10] for part in test_set()))


if __name__ == "__main__":
    main()
