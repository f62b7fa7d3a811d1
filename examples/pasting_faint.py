"""A pasting of one's own: run --method examples/pasting_faint.py --category hazelnut --shots 1 --seed 0."""

import torch

from baselines import Method, Recipe, register_method, register_pasting


def faint(defective, mask, normal, rng):
    """Return the defect at its place, mixed with the normal image by a random opacity."""
    opacity = rng.uniform(0.3, 1)
    mixed = opacity * defective.float() + (1 - opacity) * normal.float()
    return mixed.round().to(torch.uint8), mask


register_pasting("faint", faint, label="faint", reference="this file")
recipe = Recipe(crop_paste="cap", paste_weight="realism", nbr="cosine", pasting="faint")
register_method(Method("faint", "B+NBR+CaP (faint)", "albunet", recipe, "this file"))
