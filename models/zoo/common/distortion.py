"""Label-preserving distortions of image batches: random affine maps and elastic fields."""

import math

import torch
import torch.nn.functional as F


def distort(
    images: torch.Tensor,
    strength: float,
    generator: torch.Generator,
    degrees: float = 12.0,
    scale: float = 0.12,
    shear: float = 0.2,
    shift_pixels: float = 2.0,
    elastic_pixels: float = 0.5,
) -> torch.Tensor:
    """
    Distorts images (batch, channels, height, width), each in its own way.

    The keyword ranges hold at strength 1 and shrink with it; strength 0 returns
    the images unchanged. The elastic field is drawn on a coarse 6 x 6 grid and
    interpolated, which smooths it.
    """
    if strength == 0:
        return images
    batch, _, height, width = images.shape

    def uniform(extent: float) -> torch.Tensor:
        return (torch.rand(batch, generator=generator) * 2 - 1) * (extent * strength)

    angle = uniform(math.radians(degrees))
    factor_y, factor_x = torch.exp(uniform(scale)), torch.exp(uniform(scale))
    slant = uniform(shear)
    cos, sin = torch.cos(angle), torch.sin(angle)
    theta = torch.stack(
        [
            torch.stack([cos / factor_x, slant * cos - sin, uniform(2 * shift_pixels / width)], 1),
            torch.stack([sin / factor_x, (slant * sin + cos) / factor_y, uniform(2 * shift_pixels / height)], 1),
        ],
        1,
    )
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    coarse = torch.randn(batch, 2, 6, 6, generator=generator)
    size = torch.tensor([2 / width, 2 / height]).view(1, 2, 1, 1)
    field = F.interpolate(coarse, (height, width), mode="bicubic", align_corners=False)
    field = field * size * (elastic_pixels * strength)
    return F.grid_sample(images, grid + field.permute(0, 2, 3, 1), align_corners=False)
