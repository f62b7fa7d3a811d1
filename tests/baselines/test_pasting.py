"""Pastings: what each makes, stated again in NumPy, and what all of them keep to."""

from __future__ import annotations

import colorsys
import math
from collections import Counter

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from baselines import InputError
from baselines.pasting import get_pasting, pasting_names, register_pasting
from baselines.pasting.base import paste
from baselines.pasting.cutpaste import rectangle
from baselines.pasting.perlin import perlin_noise
from baselines.pasting.photometric import jitter

UNANNOTATED = ("cutpaste", "perlin")
HEIGHT, WIDTH = 48, 80


def images(seed: int = 0, size: tuple[int, int] = (HEIGHT, WIDTH)) -> tuple[Tensor, Tensor]:
    """A defective and a normal image of noise."""
    noise = np.random.default_rng(seed).integers(0, 256, (2, 3, *size), dtype=np.uint8)
    return torch.from_numpy(noise[0]), torch.from_numpy(noise[1])


def marked(rows: slice, columns: slice, size: tuple[int, int] = (HEIGHT, WIDTH)) -> Tensor:
    mask = torch.zeros(1, *size, dtype=torch.bool)
    mask[:, rows, columns] = True
    return mask


MASKS = {
    "a patch": marked(slice(10, 22), slice(30, 50)),
    "one pixel": marked(slice(7, 8), slice(9, 10)),
    "a line": marked(slice(20, 21), slice(5, 70)),
    "at the border": marked(slice(0, 6), slice(70, WIDTH)),
    "from border to border": marked(slice(20, 30), slice(0, WIDTH)),
    "two defects": marked(slice(2, 9), slice(3, 12)) | marked(slice(30, 40), slice(50, 77)),
    "nothing": marked(slice(0), slice(0)),
    "everything": marked(slice(None), slice(None)),
}


def pasted(name: str, defective: Tensor, mask: Tensor, normal: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    return paste(get_pasting(name), defective, mask, normal, np.random.default_rng(seed))


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("name", pasting_names())
def test_a_pasting_changes_only_what_its_mask_covers_and_follows_its_generator(name: str, mask: Tensor) -> None:
    defective, normal = images()
    given = [tensor.clone() for tensor in (defective, mask, normal)]
    np_state, torch_state = np.random.get_state()[1].tolist(), torch.get_rng_state()  # noqa: NPY002
    results = [pasted(name, defective, mask, normal, seed) for seed in range(8)]
    for image, place in results:
        assert (image.shape, image.dtype) == (normal.shape, torch.uint8)
        assert (place.shape, place.dtype) == (mask.shape, torch.bool)
        assert torch.equal(image[:, ~place[0]], normal[:, ~place[0]])
        if name not in UNANNOTATED:
            assert place.any() == mask.any()
    again = pasted(name, defective, mask, normal, 3)
    assert all(torch.equal(one, other) for one, other in zip(again, results[3], strict=True))
    # Where there is something to draw, generators of other seeds give other images.
    fixed = name in ("copy", "poisson") or (name not in UNANNOTATED and not mask.any())
    fixed |= name == "place" and bool(mask.all())
    assert (len({image.numpy().tobytes() for image, _ in results}) == 1) == fixed
    assert all(torch.equal(now, before) for now, before in zip((defective, mask, normal), given, strict=True))
    assert np.random.get_state()[1].tolist() == np_state  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_state)


def test_the_papers_pasting_is_equation_4() -> None:
    defective, normal = images()
    mask = MASKS["two defects"]
    image, place = pasted("copy", defective, mask, normal)
    assert torch.equal(place, mask)
    d, n, m = (tensor.numpy().astype(int) for tensor in (defective, normal, mask))
    assert np.array_equal(image.numpy(), d * m + n * (1 - m))


def test_pastings_without_annotation_read_neither_the_defective_image_nor_its_mask() -> None:
    defective, normal = images()
    for name in pasting_names():
        made = [
            pasted(name, other, mask, normal)[0]
            for other, mask in ((defective, MASKS["a patch"]), (255 - defective, MASKS["at the border"]))
        ]
        assert torch.equal(*made) == (name in UNANNOTATED), name


def test_a_random_place_is_uniform_over_all_that_hold_the_whole_defect() -> None:
    size = (6, 5)
    defective, normal = images(size=size)
    mask = marked(slice(0, 2), slice(3, 5), size)
    mask[0, 0, 3] = False
    places: Counter[tuple[int, int]] = Counter()
    for seed in range(2000):
        image, place = pasted("place", defective, mask, normal, seed)
        row, column = (int(place[0].any(dim=1 - axis).nonzero()[0]) for axis in (0, 1))
        assert torch.equal(place[0, row : row + 2, column : column + 2], mask[0, 0:2, 3:5])
        assert torch.equal(image[:, place[0]], defective[:, mask[0]])
        places[row, column] += 1
    assert len(places) == 5 * 4
    assert chisquare(list(places.values())).pvalue > 0.001


def perez(source: np.ndarray, target: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Eq. (7) of Perez et al. for one channel, pixel by pixel, with the guidance of Eq. (11)."""
    pixels = [tuple(pixel) for pixel in np.argwhere(mask)]
    matrix, right = np.zeros((len(pixels), len(pixels))), np.zeros(len(pixels))
    for number, (y, x) in enumerate(pixels):
        for neighbour in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if not (0 <= neighbour[0] < mask.shape[0] and 0 <= neighbour[1] < mask.shape[1]):
                continue
            matrix[number, number] += 1
            right[number] += source[y, x] - source[neighbour]
            if mask[neighbour]:
                matrix[number, pixels.index(neighbour)] -= 1
            else:
                right[number] += target[neighbour]
    result = target.copy()
    result[mask] = np.linalg.solve(matrix, right)
    return result.round().clip(0, 255)


def test_poisson_blending_solves_the_equation_of_perez() -> None:
    size = (9, 12)
    rng = np.random.default_rng(4)
    source, target = (torch.from_numpy(rng.integers(60, 180, (3, *size), dtype=np.uint8)) for _ in range(2))
    mask = torch.from_numpy(rng.random((1, *size)) < 0.5)  # touches the border, has holes and single pixels
    image, place = pasted("poisson", source, mask, target)
    assert torch.equal(place, mask)
    for channel in range(3):
        s, t = (tensor[channel].numpy().astype(float) for tensor in (source, target))
        assert np.abs(image[channel].numpy() - perez(s, t, mask[0].numpy())).max() <= 1e-9
    assert not torch.equal(image, pasted("copy", source, mask, target)[0])


def test_poisson_blending_removes_a_difference_in_brightness_and_keeps_the_defect() -> None:
    normal = torch.full((3, HEIGHT, WIDTH), 100, dtype=torch.uint8)
    defective = normal + 40
    mask = marked(slice(10, 21), slice(30, 51))
    assert torch.equal(pasted("poisson", defective, mask, normal)[0], normal)
    defective[:, 15, 40] = 20
    image, _ = pasted("poisson", defective, mask, normal)
    assert (image[:, 15, 40] == 100 - 120).sum() == 0
    assert (image[:, 15, 40] < 10).all()  # 120 below its surroundings, clipped at 0
    thin = marked(slice(15, 16), slice(30, 51))
    defective = normal.clone()
    defective[thin.expand(3, -1, -1)] = 30
    assert (pasted("poisson", defective, thin, normal)[0][:, thin[0]] == 30).all()  # lines are kept


def test_an_elastic_deformation_moves_image_and_mask_alike_by_a_few_pixels() -> None:
    rows, columns = np.mgrid[0:128, 0:128].astype(np.uint8)
    defective = torch.from_numpy(np.stack([rows, columns, rows]))  # each pixel says where it comes from
    inside = ((rows.astype(int) - 64) ** 2 + (columns.astype(int) - 64) ** 2) < 50**2
    mask = torch.from_numpy(inside).unsqueeze(0)
    moves = []
    for seed in range(20):
        image, place = pasted("elastic", defective, mask, torch.zeros_like(defective), seed)
        shown = np.argwhere(place[0].numpy())
        origins = image[:2, shown[:, 0], shown[:, 1]].numpy().T.astype(int)
        assert np.mean(inside[origins[:, 0], origins[:, 1]]) > 0.99  # but for the rounding at the edge
        displacement = np.full((128, 128, 2), np.nan)
        displacement[shown[:, 0], shown[:, 1]] = origins - shown
        moves.append(displacement)
    found = np.stack(moves)
    # Cubic interpolation between independent points lowers the deviation a little.
    assert 0.5 < np.nanstd(found) / (128 * 10 / 572) < 1.1
    assert abs(np.nanmean(found)) < 0.3
    steps = np.abs(np.diff(found, axis=1))
    assert np.nanmean(steps) < 0.5  # smooth
    assert np.nanmean(np.nanstd(found, axis=(1, 2))) > 0.5  # deformed, not only moved


def test_jitter_is_brightness_contrast_saturation_and_hue() -> None:
    image = images()[0]
    for seed in range(5):
        changed = jitter(image, 0.2, 0.05, np.random.default_rng(seed)).numpy()
        rng = np.random.default_rng(seed)
        brightness, contrast, saturation = rng.uniform(0.8, 1.2, 3)
        hue = rng.uniform(-0.05, 0.05)
        weights = np.array([0.2989, 0.587, 0.114])[:, None, None]
        expected = np.clip(image.numpy() * brightness, 0, 255)
        expected = np.clip(contrast * expected + (1 - contrast) * (weights * expected).sum(axis=0).mean(), 0, 255)
        expected = np.clip(saturation * expected + (1 - saturation) * (weights * expected).sum(axis=0), 0, 255)
        pixels = [colorsys.rgb_to_hsv(*pixel) for pixel in expected.reshape(3, -1).T / 255]
        turned = np.array([colorsys.hsv_to_rgb((h + hue) % 1, s, v) for h, s, v in pixels]).T.reshape(image.shape)
        assert np.abs(changed - turned * 255).mean() < 3
        assert np.abs(changed - turned * 255).max() < 12  # torchvision rounds down after each step
        assert np.abs(changed - image.numpy().astype(float)).mean() > 3


def test_a_rectangle_has_the_area_and_the_direction_asked_for() -> None:
    for angle in (-45, 0, 20, 45):
        mask = rectangle((100, 120), 41, 11, angle)[0].numpy()
        assert mask.sum() == pytest.approx(41 * 11, rel=0.08)
        down, right = np.argwhere(mask).T
        slope = np.polyfit(down, right, 1)[0]
        assert math.degrees(math.atan(slope)) == pytest.approx(angle, abs=4)
        assert (np.argwhere(mask).mean(axis=0) == (50, 60)).all()
    assert rectangle((4, 4), 0.1, 0.1, 30).sum() == 1


def test_cutpaste_moves_a_patch_or_a_scar_of_the_normal_image() -> None:
    size = (128, 128)
    ramp = np.mgrid[60:188, 0:128][0].astype(np.uint8)  # grey, so that hue and saturation do not change it
    normal = torch.from_numpy(np.stack([ramp] * 3))
    defective, mask = images(size=size)[0], marked(slice(0), slice(0), size)
    areas, centres = [], []
    for seed in range(300):
        image, place = pasted("cutpaste", defective, mask, normal, seed)
        inside = place[0].numpy()
        areas.append(inside.mean())
        centres.append(np.argwhere(inside).mean(axis=0))
        # What was cut is a piece of the image: downwards it becomes brighter as that does.
        down = np.argwhere(inside)[:, 0]
        if np.ptp(down) > 20:
            slope, _ = np.polyfit(down, image[0].numpy()[inside], 1)
            assert 0.8 < slope < 1.22
    scars = np.array(areas) < 0.01  # 16 x 25 of 256 x 256 at most
    assert 0.35 < scars.mean() < 0.65
    assert min(np.array(areas)[~scars]) > 0.015
    assert max(areas) < 0.155
    assert np.ptp(np.stack(centres)[scars], axis=0).min() > 100
    assert np.abs(np.stack(centres).mean(axis=0) - 64).max() < 8


def test_perlin_noise_is_that_of_perlin() -> None:
    size, cells = (12, 20), (3, 2)
    noise = perlin_noise(size, cells, 0.0, np.random.default_rng(5))
    first = (0.5 / size[0] * cells[0], 0.5 / size[1] * cells[1])  # the lattice begins at the first pixel
    angles = np.random.default_rng(5).uniform(0, 2 * math.pi, (4, 3))

    def fade(t: float) -> float:
        return 6 * t**5 - 15 * t**4 + 10 * t**3

    for i in range(size[0]):
        for j in range(size[1]):
            y, x = ((k + 0.5) / n * c - f for k, n, c, f in zip((i, j), size, cells, first, strict=True))
            row, column = int(y), int(x)
            corners = {}
            for a in (0, 1):
                for b in (0, 1):
                    angle = angles[row + a, column + b]
                    corners[a, b] = math.sin(angle) * (y - row - a) + math.cos(angle) * (x - column - b)
            upper, lower = (corners[a, 0] + fade(x - column) * (corners[a, 1] - corners[a, 0]) for a in (0, 1))
            assert noise[i, j] == pytest.approx(math.sqrt(2) * (upper + fade(y - row) * (lower - upper)))


def test_a_perlin_defect_is_at_most_the_texture_and_at_least_a_fifth_of_it() -> None:
    defective, mask = images()[0], MASKS["nothing"]
    normal = torch.full((3, HEIGHT, WIDTH), 200, dtype=torch.uint8)
    shares = []
    for seed in range(200):
        source, place = get_pasting("perlin")(defective, mask, normal, np.random.default_rng(seed))
        assert (source == source[:, :1, :1]).all()  # a uniform image has a uniform texture
        shares.append(place.float().mean().item())
    assert 0 < np.mean(shares) < 0.2
    assert 0 < np.mean(np.array(shares) == 0) < 0.5


def test_a_pasting_of_ones_own_is_registered_once_and_must_be_a_function(monkeypatch: pytest.MonkeyPatch) -> None:
    from baselines import pasting

    monkeypatch.setattr(pasting, "_PASTINGS", dict(pasting._PASTINGS))
    register_pasting("inverted", lambda defective, mask, normal, rng: (255 - normal, mask), "inverted colors")
    defective, normal = images()
    image, _ = pasted("inverted", defective, MASKS["everything"], normal)
    assert torch.equal(image, 255 - normal)
    assert pasting_names()[-1] == "inverted"
    for name, function, words in (
        ("inverted", len, "pasting 'inverted' is already registered"),
        ("a+b", len, "pasting name 'a[+]b'"),
        ("other", 3, "pasting 'other' must be a function, got 3"),
    ):
        with pytest.raises(InputError, match=words):
            register_pasting(name, function)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="unknown pasting 'poison': did you mean 'poisson'"):
        get_pasting("poison")
