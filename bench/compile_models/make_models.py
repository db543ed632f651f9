"""Makes ONNX files of networks that gateways run, with seeded random weights.

Needs Debian's python3-torch and python3-torchvision:
`/usr/bin/python3 bench/compile_models/make_models.py FOLDER`. Times, bytes and how
integers follow floating point count; what the networks say does not.
"""

import sys
from pathlib import Path

import torch
from torch import nn
from torchvision.models import mobilenet_v2, mobilenet_v3_small


class KeywordSpotter(nn.Module):
    """49 frames of 10 features, halved in time; a GRU; 12 words."""

    def __init__(self):
        super().__init__()
        self.front = nn.Conv1d(10, 24, 5, stride=2, padding=2)
        self.gru = nn.GRU(24, 32, batch_first=True)
        self.words = nn.Linear(32, 12)

    def forward(self, frames):
        x = torch.relu(self.front(frames.transpose(1, 2)))
        states, _ = self.gru(x.transpose(1, 2))
        return self.words(states[:, -1])


class VoiceActivity(nn.Module):
    """One frame of 24 bands and the state before: speech or not, and the new state."""

    def __init__(self):
        super().__init__()
        self.front = nn.Linear(24, 24)
        self.gru = nn.GRU(24, 24, batch_first=True)
        self.speech = nn.Linear(24, 1)

    def forward(self, bands, before):
        x = torch.relu(self.front(bands)).unsqueeze(1)
        _, state = self.gru(x, before.transpose(0, 1))
        after = state.transpose(0, 1)
        return torch.sigmoid(self.speech(after[:, 0])), after


def settle(network, *inputs):
    """Gives batch normalisation the statistics of noise, so that values keep their size."""
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = None
    network.train()
    with torch.no_grad():
        network(*[torch.randn(4, *x.shape[1:]) for x in inputs])
    return network.eval()


def export(folder, name, network, inputs, names, outputs):
    torch.onnx.export(
        network,
        inputs,
        folder / f"{name}.onnx",
        input_names=names,
        output_names=outputs,
        opset_version=13,
        do_constant_folding=True,
    )
    print(name)


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(20_261_129)
    frames = torch.randn(1, 49, 10)
    export(folder, "gru_kws", KeywordSpotter().eval(), (frames,), ["frames"], ["words"])
    bands, before = torch.randn(1, 24), torch.zeros(1, 1, 24)
    export(
        folder,
        "gru_vad",
        VoiceActivity().eval(),
        (bands, before),
        ["bands", "before"],
        ["speech", "after"],
    )
    for name, network, side in [
        ("mobilenet_v3_small_96", mobilenet_v3_small(), 96),
        ("mobilenet_v2_224", mobilenet_v2(), 224),
    ]:
        picture = torch.randn(1, 3, side, side)
        export(folder, name, settle(network, picture), (picture,), ["picture"], ["classes"])


main()
