"""The identity of a run: what can change its result, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Annotated

from msgspec import Meta, Struct

from baselines.pasting import COPY
from baselines.recipe import Recipe
from benchmark.protocol.profile import PositiveInt, Protocol, Seed
from benchmark.schema import to_builtins

# Increase it when a change of the code changes the results of runs: stored runs then no longer match.
TRAINING_VERSION = 3

Setting = str | int | float | bool | None
# `curve_every` sets how often training is measured, which does not change it. The others decide which images are drawn,
# and the identity has the digest of the draw.
_NEVER_READ = frozenset({"curve_every", "shots_per", "draws"})


class Identity(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that can change a run's result, and nothing else: no paths, devices or worker counts.

    Attributes
    ----------
    training_version : int
        ``TRAINING_VERSION`` of the code that trained it.
    category, method, network : str
    recipe : dict
        The fields of the method's ``Recipe``; those without effect have their defaults. ``pasting`` is left out if it
        is the paper's.
    shots, seed : int
    settings : dict
        The fields of the ``Protocol`` that this run reads.
    data_digest, draw_digest : str
        SHA-256 of the category's content and of the names of the drawn images.
    file_digest : str or None
        SHA-256 of the file that registered the method; None, and left out when written, for methods of packages.
    weights_digest : str or None
        SHA-256 of the user's file from which the encoder started; None, and left out when written, without one.

    Examples
    --------
    >>> from benchmark.data.datasets import SyntheticDataSet
    >>> from benchmark.protocol.profile import load_profile
    >>> from benchmark.protocol.selection import Selection, select_runs
    >>> [spec] = select_runs(SyntheticDataSet(), load_profile("ci"), [Selection(["unet"], ["tile"], [1], [0])])
    >>> "curve_every" in spec.identity.settings  # how often training is measured does not change it
    False
    """

    training_version: Annotated[int, Meta(ge=0)]
    category: str
    method: str
    network: str
    recipe: dict[str, Setting]
    shots: PositiveInt
    seed: Seed
    settings: dict[str, Setting]
    data_digest: str
    draw_digest: str
    file_digest: str | None = None
    weights_digest: str | None = None


def paste_probability(recipe: Recipe, protocol: Protocol) -> float:
    """Return the probability that a minibatch is pasted: Section III-E for the method, IV-C for the baselines.

    Examples
    --------
    >>> paste_probability(Recipe(crop_paste="never"), Protocol(batch_size=2))
    0.0
    """
    return {"never": 0.0, "augmentation": protocol.baseline_crop_paste, "cap": protocol.crop_paste}[recipe.crop_paste]


def effective_recipe(recipe: Recipe, protocol: Protocol) -> dict[str, Setting]:
    """Return a recipe's fields, those without effect set to their defaults.

    Lambda weighs pasted images only, and NBR's normal images pass through the encoder with or without
    ``normal_statistics``. ``pasting`` is there only if it is not the paper's.

    Examples
    --------
    >>> effective_recipe(Recipe(crop_paste="never", nbr="cosine", normal_statistics=True), Protocol(batch_size=2))
    {'crop_paste': 'never', 'paste_weight': 'one', 'nbr': 'cosine', 'normal_statistics': False}
    """
    pastes = paste_probability(recipe, protocol) > 0
    effective = asdict(
        replace(
            recipe,
            paste_weight=recipe.paste_weight if pastes else "one",
            normal_statistics=recipe.normal_statistics and recipe.nbr is None,
        )
    )
    pasting = effective.pop("pasting")
    return effective | ({"pasting": pasting} if pastes and pasting != COPY else {})


def effective_settings(recipe: Mapping[str, Setting], protocol: Protocol, reads_weights: bool) -> dict[str, Setting]:
    """Return the fields of a protocol that a run reads: those that can change its result.

    Parameters
    ----------
    recipe : mapping
        As ``effective_recipe`` returns it.
    protocol : Protocol
    reads_weights : bool
        Whether ``weights`` decides from what the encoder starts: not without a pretrained encoder, nor with a user's
        file.

    Examples
    --------
    >>> plain, nbr = (asdict(Recipe(crop_paste="never", nbr=similarity)) for similarity in (None, "cosine"))
    >>> settings = [effective_settings(recipe, Protocol(batch_size=2), False) for recipe in (plain, nbr)]
    >>> sorted(settings[1].keys() - settings[0].keys())
    ['batch_norm_passes', 'mask_downsample', 'nbr_weight']
    """
    unread = set(_NEVER_READ)
    if recipe["nbr"] is None:
        unread |= {"nbr_weight", "mask_downsample"}
    if recipe["nbr"] != "euclidean":  # the averages over all cells and over the background have the same direction
        unread.add("background_average")
    if recipe["crop_paste"] != "cap":
        unread.add("crop_paste")
    if recipe["crop_paste"] != "augmentation":
        unread.add("baseline_crop_paste")
    if recipe["paste_weight"] != "realism":
        unread.add("lambda_gradient")
        if recipe["nbr"] is None and not recipe["normal_statistics"]:  # one group of images, so one pass
            unread.add("batch_norm_passes")
    if not reads_weights:
        unread.add("weights")
    return {name: value for name, value in to_builtins(protocol).items() if name not in unread}
