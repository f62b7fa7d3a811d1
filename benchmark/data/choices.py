"""Names and defaults that the command line offers, apart from the code behind them, which takes long to import."""

from __future__ import annotations

# Editions of the synthetic data set, and every data set.
EDITIONS = ("synthetic", "synthetic-validation")
MVTEC_AD = "mvtec-ad"
DATASETS = (*EDITIONS, MVTEC_AD, "folder")

# Published layouts, and images and masks that are matched by name.
PAIRS = "pairs"
IMPORTERS = ("magnetic-tile", "visa", "btad", "mpdd", "kolektor-sdd", PAIRS)
# How masks are read: pixels above 127, or all that are not 0.
MASKS_HOLD = ("grey", "classes")
# Share of the normal images that an import holds out for testing.
HELD_OUT = 0.2

# Size of the image cache above which the least recently used images are removed.
CACHE_LIMIT = "50G"
