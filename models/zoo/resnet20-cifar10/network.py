"""ResNet-20 (He et al. 2016, section 4.2) with projection shortcuts, for pictures of 32 x 32."""

import torch
import torch.nn as nn
import torch.nn.functional as F

WIDTH = 16


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """A convolution that keeps the size (up to the stride), with batch normalisation."""
    padded = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(padded, nn.BatchNorm2d(outputs))


class Block(nn.Module):
    """Two convolutions and a shortcut around them."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.first = convolution(inputs, outputs, 3, stride)
        self.second = convolution(outputs, outputs, 3)
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else convolution(inputs, outputs, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.second(F.relu(self.first(x))) + self.shortcut(x))


class ResNet20(nn.Module):
    """Inputs (samples, 3, 32, 32) in [0, 1], outputs (samples, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = convolution(3, WIDTH, 3)
        blocks, inputs = [], WIDTH
        for outputs in (WIDTH, 2 * WIDTH, 4 * WIDTH):
            for index in range(3):
                blocks.append(Block(inputs, outputs, 2 if index == 0 and outputs > WIDTH else 1))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(inputs, 10)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.training):
            x = F.relu(self.stem((x - 0.5) * 4))
            return self.head(self.blocks(x).mean((2, 3))).float()
