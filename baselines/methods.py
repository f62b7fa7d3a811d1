"""The paper's methods, in the order of its tables."""

from __future__ import annotations

from baselines.recipe import Method, Recipe
from baselines.registry import register_method

PAPER = "Lin et al., Few-Shot Defect Segmentation, Sections III and IV"
BASELINE = Recipe(crop_paste="augmentation")

PAPER_METHODS = (
    Method("ternausnet11", "TernausNet-11", "ternausnet11", BASELINE, "Shvets et al., ICMLA 2018"),
    Method("ternausnet16", "TernausNet-16", "ternausnet16", BASELINE, "Shvets et al., ICMLA 2018"),
    Method("unet", "U-Net", "unet", BASELINE, "Ronneberger et al., MICCAI 2015"),
    Method("attention_unet", "Attention U-Net", "attention_unet", BASELINE, "Oktay et al., arXiv:1804.03999, 2018"),
    Method("unet_plus_plus", "U-Net++", "unet_plus_plus", BASELINE, "Zhou et al., IEEE Trans. Medical Imaging, 2019"),
    Method("albunet", "B (AlbuNet)", "albunet", BASELINE, "Buslaev et al., CVPR Workshops 2018"),
    # B+NBR does not paste: if it pasted as B does, it would be Table VI's lambda = 1 method, whose published numbers
    # differ from those of B+NBR in Table V.
    Method("albunet_nbr", "B+NBR", "albunet", Recipe(crop_paste="never", nbr="cosine"), PAPER),
    Method(
        "albunet_nbr_cap",
        "B+NBR+CaP (ours)",
        "albunet",
        Recipe(crop_paste="cap", paste_weight="realism", nbr="cosine"),
        PAPER,
    ),
    Method(
        "albunet_nbr_cap_lambda1",
        "B+NBR+CaP (lambda = 1)",
        "albunet",
        Recipe(crop_paste="cap", paste_weight="one", nbr="cosine"),
        PAPER,
    ),
    Method(
        "albunet_nbr_cap_euclidean",
        "B+NBR+CaP (Euclidean)",
        "albunet",
        Recipe(crop_paste="cap", paste_weight="realism", nbr="euclidean"),
        PAPER,
    ),
)

for _method in PAPER_METHODS:
    register_method(_method)
