"""Networks and objectives of `limen.autoencoders`."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal, kl_divergence

import limen
from limen.autoencoders import MODELS, ExpectedLossVAE, make, objective
from limen.autoencoders._expected_loss_vae import kl_from_standard_normal
from limen.autoencoders._layers import Autoencoder
from photographs import crop

NAMES = ("mse", "mae", "ssim", "ms-ssim", "0.8*ms-ssim+0.2*mae")
SMALL = {"fc": {"widths": [32]}, "conv": {"width": 4}, "el-vae": {"width": 4}}
RANDOM_LPIPS = {"backbone": "random", "linear": None}


def pair(channels: int, side: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Two batches of two: a photograph blurred and dimmed, and the photograph."""
    images = torch.from_numpy(np.stack([crop(name, side, side) for name in ("coffee", "chelsea")])[:, :channels])
    return (0.8 * images + 0.2 * images.mean((2, 3), keepdim=True)).to(dtype), images.to(dtype)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("channels", "side"), [(1, 32), (3, 48)])
def test_an_objective_is_one_number_an_image_and_zero_for_equal_ones(name: str, channels: int, side: int) -> None:
    decoded, images = pair(channels, side, torch.float32)
    losses = objective(name)(decoded, images)
    assert losses.shape == (2,)
    assert (losses > 1e-4).all()
    assert objective(name)(images, images).abs().max() < 1e-5
    for i in range(2):
        torch.testing.assert_close(objective(name)(decoded[i : i + 1], images[i : i + 1])[0], losses[i])


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_of_an_objective(name: str) -> None:
    decoded, images = pair(1, 12)
    decoded = decoded.repeat(1, 1, 1, 1).requires_grad_()
    assert torch.autograd.gradcheck(objective(name), (decoded, images))


def test_objectives_are_limens_metrics() -> None:
    x, y = pair(3, 96)
    arrays = x.numpy(), y.numpy()
    snell = {"data_range": 1.0, "convention": "snell"}
    torch.testing.assert_close(objective("ms-ssim")(x, y), torch.tensor(1 - limen.ms_ssim(*arrays, **snell)))
    torch.testing.assert_close(objective("ssim")(x, y), torch.tensor(1 - limen.ssim(*arrays, **snell)))
    torch.testing.assert_close(objective("mse")(x, y), (x - y).square().mean((1, 2, 3)))
    torch.testing.assert_close(objective("mae")(x, y), (x - y).abs().mean((1, 2, 3)))


def test_a_sum_is_the_sum_of_its_terms() -> None:
    x, y = pair(3, 40)
    terms = [objective(name)(x, y) for name in ("ms-ssim", "mae")]
    torch.testing.assert_close(objective("0.8*ms-ssim + 0.2 * mae")(x, y), 0.8 * terms[0] + 0.2 * terms[1])
    torch.testing.assert_close(objective("2*mae")(x, y), 2 * terms[1])


def test_ms_ssim_has_five_scales_of_exponent_one() -> None:
    x, y = pair(1, 96)
    _, scales = limen.ms_ssim(x, y, data_range=1.0, convention="snell", return_scales=True)
    assert scales.shape[-1] == 5
    torch.testing.assert_close(1 - objective("ms-ssim")(x, y), scales.reshape(2, 5).prod(-1))


@pytest.mark.parametrize("channels", [1, 3])
def test_lpips_is_an_objective_of_grey_and_colour(channels: int) -> None:
    decoded, images = pair(channels, 64, torch.float32)
    decoded.requires_grad_()
    losses = objective("lpips-squeeze", lpips_options=RANDOM_LPIPS)(decoded, images)
    losses.sum().backward()
    assert losses.shape == (2,)
    assert decoded.grad is not None
    assert decoded.grad.abs().max() > 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("msssim", "'msssim' is none of mse, mae"),
        ("", "'' is none of"),
        ("mse+", "'' in 'mse\\+' is none of"),
        ("0*mse", "weight of mse must be finite and above 0; got 0"),
        ("mse+mse", "names mse twice"),
        ("-1*mse", "'-1\\*mse' is none of"),
    ],
)
def test_names_that_are_none_are_refused(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        objective(name)


def test_an_objective_refuses_what_is_no_batch_and_a_convention_without_scales() -> None:
    with pytest.raises(ValueError, match="batch, channels, height, width"):
        objective("mse")(torch.zeros(3, 8, 8), torch.zeros(3, 8, 8))
    with pytest.raises(ValueError, match="no MS-SSIM"):
        objective("ms-ssim", convention="kornia")
    with pytest.raises(TypeError, match="must be a name"):
        objective(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", MODELS)
def test_a_network_codes_and_decodes(name: str) -> None:
    model = make(name, seed=0, code_size=7, **SMALL[name])
    images = torch.rand(2, *model.shape)
    codes = model.encode(images)
    assert codes.shape == (2, 7)
    decoded = model.decode(codes)
    assert decoded.shape == images.shape
    assert decoded.min() >= 0
    assert decoded.max() <= 1
    torch.testing.assert_close(model(images), decoded)


@pytest.mark.parametrize("name", MODELS)
def test_equal_seeds_make_equal_weights_and_leave_the_generator_alone(name: str) -> None:
    before = torch.random.get_rng_state()
    a, b, c = (make(name, seed=seed, **SMALL[name]).state_dict() for seed in (3, 3, 4))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert not all(torch.equal(a[key], c[key]) for key in a)


def test_networks_are_those_of_the_paper() -> None:
    conv = make("conv")
    shapes = [tuple(layer.weight.shape) for layer in conv.encoder if hasattr(layer, "weight")]  # type: ignore[union-attr, operator]
    assert shapes == [(128, 3, 5, 5), (256, 128, 5, 5), (512, 256, 5, 5), (512, 9 * 9 * 512)]
    assert make("fc").shape == (1, 32, 32)


@pytest.mark.parametrize("shape", [(1, 29, 29), (3, 30, 47), (3, 61, 64)])
def test_convolutions_come_back_to_any_size(shape: tuple[int, int, int]) -> None:
    model = make("conv", shape=shape, code_size=3, width=2)
    assert model(torch.rand(2, *shape)).shape == (2, *shape)


def test_drawn_weights_hand_the_signal_on() -> None:
    # With PyTorch's own weights all images begin as the same grey: two of them differ by less than .005.
    images = pair(1, 32, torch.float32)[1]
    for name, shape in (("fc", (1, 32, 32)), ("conv", (1, 32, 32))):
        model = make(name, seed=0, shape=shape)
        drawn = difference(model, images)
        torch.manual_seed(0)
        for module in model.modules():
            if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                module.reset_parameters()
        assert 50 * difference(model, images) < drawn < 10


def difference(model: Autoencoder, images: Tensor) -> float:
    """How far apart two images come out, before the sigmoid."""
    with torch.no_grad():
        logits = model(images).logit()
    return float((logits[0] - logits[1]).std())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "unet"}, "model must be one of fc, conv, el-vae; got 'unet'"),
        ({"name": "fc", "code_size": 0}, "code_size must be 1 or more; got 0"),
        ({"name": "fc", "shape": (2, 32, 32)}, "shape must have 1 or 3 channels"),
        ({"name": "fc", "shape": 32}, "shape must be three whole numbers"),
        ({"name": "conv", "shape": (3, 28, 96)}, "sides of at least 29 pixels"),
        ({"name": "el-vae", "constant": 0.0}, "constant must be finite and above 0; got 0"),
        ({"name": "el-vae", "constant": math.nan}, "constant must be finite and above 0; got nan"),
    ],
)
def test_networks_that_make_no_sense_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**arguments)  # type: ignore[arg-type]


def test_images_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(batch, 1, 32, 32\).*got shape \(2, 3, 32, 32\)"):
        make("fc", widths=[8])(torch.zeros(2, 3, 32, 32))


def test_divergence_is_that_of_torch() -> None:
    generator = torch.Generator().manual_seed(0)
    mean = 3 * torch.randn(5, 11, generator=generator, dtype=torch.float64)
    log_variance = 4 * torch.randn(5, 11, generator=generator, dtype=torch.float64)
    prior = Independent(Normal(torch.zeros_like(mean), 1.0), 1)
    posterior = Independent(Normal(mean, (log_variance / 2).exp()), 1)
    torch.testing.assert_close(kl_from_standard_normal(mean, log_variance), kl_divergence(posterior, prior))
    assert kl_from_standard_normal(torch.zeros(1, 4), torch.full((1, 4), 1e-6)) >= 0


def test_expected_squared_error_is_a_gaussian_evidence_bound() -> None:
    variance = 0.07
    shape = (3, 32, 32)
    values = math.prod(shape)
    model = ExpectedLossVAE(shape, code_size=6, width=2, constant=values / (2 * variance)).double()
    images = pair(3, 32)[1]
    found = model.losses(images, objective("mse"), torch.Generator().manual_seed(5)).total

    mean, log_variance = model.posterior(images)
    posterior = Normal(mean, (log_variance / 2).exp())
    codes = mean + posterior.scale * torch.randn(
        mean.shape, generator=torch.Generator().manual_seed(5), dtype=mean.dtype
    )
    likelihood = Normal(model.decode(codes), math.sqrt(variance)).log_prob(images).sum((1, 2, 3))
    bound = likelihood - kl_divergence(posterior, Normal(torch.zeros_like(mean), 1.0)).sum(1)
    torch.testing.assert_close(found, -bound.mean() - values / 2 * math.log(2 * math.pi * variance))


@pytest.mark.parametrize("name", NAMES)
def test_any_objective_takes_the_place_of_the_likelihood(name: str) -> None:
    model = make("el-vae", seed=0, shape=(1, 32, 32), width=2, code_size=4)
    images = pair(1, 32, torch.float32)[1]
    losses = model.losses(images, objective(name), torch.Generator().manual_seed(0))
    torch.testing.assert_close(losses.total, losses.parts["kl"] + 1024 * losses.parts["objective"])
    losses.total.backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters())
