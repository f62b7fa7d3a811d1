"""The order in which runs say most about the comparison of methods, for studies that are cut short."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmark.protocol.runs import RunSpec
from benchmark.protocol.studies import OTHER_STUDIES, TABLE_STUDIES

_COMPARED = frozenset(TABLE_STUDIES["II"].methods)
_ABLATIONS = frozenset(
    name for study in (*TABLE_STUDIES.values(), *OTHER_STUDIES.values()) for name in study.methods
).difference(_COMPARED)


@dataclass(frozen=True)
class Block:
    """Runs of one category, K and seed, which compare methods with each other.

    Attributes
    ----------
    category : str
    shots, seed : int
    specs : tuple of RunSpec
        One per method.

    Examples
    --------
    >>> Block("tile", shots=1, seed=0, specs=()).category
    'tile'
    """

    category: str
    shots: int
    seed: int
    specs: tuple[RunSpec, ...]


def order_blocks(specs: Iterable[RunSpec]) -> list[Block]:
    """Return blocks of runs so that the comparison of methods is as certain as possible after each of them.

    The mean difference of two methods over n categories with s seeds each has the variance
    between / n + within / (n s), so another category lowers it by more than another seed of each: categories come
    first, then K, then seeds. Methods that only ablations show follow when the others are compared to the end.

    Parameters
    ----------
    specs : iterable of RunSpec
        Categories, K and seeds keep the order in which they first appear.

    Examples
    --------
    >>> from benchmark.data.datasets import SyntheticDataSet
    >>> from benchmark.protocol.profile import load_profile
    >>> from benchmark.protocol.selection import Selection, select_runs
    >>> selection = Selection(["unet", "albunet_nbr_cap"], ["carpet", "tile"], [1], [0, 1])
    >>> blocks = order_blocks(select_runs(SyntheticDataSet(), load_profile("quick"), [selection]))
    >>> [(block.category, block.seed, len(block.specs)) for block in blocks]
    [('carpet', 0, 2), ('tile', 0, 2), ('carpet', 1, 2), ('tile', 1, 2)]
    """
    specs = list(specs)
    compared = [spec for spec in specs if spec.method.name not in _ABLATIONS]
    if len({spec.method for spec in compared}) < 2:
        return _by_seed(specs)
    return _by_seed(compared) + _by_seed([spec for spec in specs if spec.method.name in _ABLATIONS])


def _by_seed(specs: Sequence[RunSpec]) -> list[Block]:
    found: dict[tuple[str, int, int], list[RunSpec]] = {}
    for spec in specs:
        found.setdefault((spec.category, spec.shots, spec.seed), []).append(spec)
    places = {seed: place for place, seed in enumerate(dict.fromkeys(spec.seed for spec in specs))}
    blocks = [Block(*key, tuple(runs)) for key, runs in found.items()]
    return sorted(blocks, key=lambda block: places[block.seed])  # stable: categories and K keep their order
