"""Trains a small autoencoder on photographs with MS-SSIM in its loss, on the CPU, in a few seconds.

MS-SSIM sees structure, and hardly sees brightness and colour: losses for colour images add a pixel error to it.
The photographs come with scikit-image: pip install 'limen[torch]' scikit-image
"""

from __future__ import annotations

import numpy as np
import torch
from skimage import data
from torch import Tensor, nn

import limen
import limen.torch

SIDE = 96
STEPS = 50
BATCH = 8


def photographs() -> list[Tensor]:
    """Colour photographs (3, H, W) in [0, 1]."""
    images = (data.astronaut(), data.coffee(), data.chelsea())
    return [torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1) / 255 for image in images]


def patches(images: list[Tensor], generator: torch.Generator) -> Tensor:
    """A batch of patches (BATCH, 3, SIDE, SIDE) from anywhere in the photographs."""
    batch = []
    for image in np.resize(np.arange(len(images)), BATCH):
        _, height, width = images[image].shape
        top = torch.randint(height - SIDE + 1, (), generator=generator)
        left = torch.randint(width - SIDE + 1, (), generator=generator)
        batch.append(images[image][:, top : top + SIDE, left : left + SIDE])
    return torch.stack(batch)


def autoencoder() -> nn.Module:
    """Keeps 16 numbers for every 8 x 8 pixels of three channels, a twelfth of what there was."""
    return nn.Sequential(
        nn.Conv2d(3, 32, 4, stride=4),
        nn.SiLU(),
        nn.Conv2d(32, 16, 2, stride=2),
        nn.ConvTranspose2d(16, 32, 2, stride=2),
        nn.SiLU(),
        nn.ConvTranspose2d(32, 3, 4, stride=4),
        nn.Sigmoid(),
    )


def main() -> None:
    """Trains, and says what became of patches that are left out."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    images = photographs()
    held_out = patches(images, generator)
    network = autoencoder()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    # Five scales of patches this small need a convention that pads.
    convention = limen.Convention(padding="replicate")
    structure = limen.torch.MSSSIMLoss(data_range=1.0, convention=convention)

    def loss_of(restored: Tensor, target: Tensor) -> Tensor:
        loss: Tensor = structure(restored, target) + limen.mae(restored, target, reduction="mean")
        return loss

    for step in range(STEPS + 1):
        if step % 10 == 0:
            with torch.no_grad():
                restored = network(held_out)
                loss = loss_of(restored, held_out)
                psnr = limen.psnr(restored, held_out, data_range=1.0, reduction="mean")
            print(f"step {step:3}   loss {loss:.4f}   PSNR {psnr:.2f} dB")  # noqa: T201
        batch = patches(images, generator)
        optimizer.zero_grad()
        loss_of(network(batch), batch).backward()
        optimizer.step()


if __name__ == "__main__":
    main()
